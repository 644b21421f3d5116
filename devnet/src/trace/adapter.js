(function (tracer) {
  const PADDING = 1024 * 1024;
  const SSTORE = 0x55;
  const SELFDESTRUCT = 0xff;
  let failure = null;
  let running = null;
  let known = null;
  let state = null;
  let destroyed = false;

  // Memory beyond its end reads as zero, as in geth, and words are numbers.
  const adapt = function (log) {
    if (log === known) return;
    known = log;
    const memory = log.memory;
    const read = memory.slice;
    const word = memory.getUint;
    memory.slice = function (from, to) {
      const begin = Number(from);
      const end = Number(to);
      if (end === begin) return new Uint8Array(0);
      if (!(end > begin) || begin < 0) {
        throw new Error("tracer accessed out of bound memory: offset " + begin + ", end " + end);
      }
      const length = memory.length();
      if (end - length > PADDING) {
        throw new Error(
          "tracer reached limit for padding memory slice: end " + end + ", memorySize " + length
        );
      }
      const bytes = new Uint8Array(end - begin);
      if (begin < length) bytes.set(read(begin, Math.min(end, length)));
      return bytes;
    };
    memory.getUint = function (at) {
      return BigInt(toHex(word(at)));
    };
  };

  // State is what the frames until now have made of it; a frame that fails takes its part back.
  const written = [new Map()];
  const place = function (address, slot) {
    return toHex(toAddress(toHex(address))) + toHex(toWord(toHex(slot)));
  };
  const store = function (log) {
    const opcode = log.op.toNumber();
    destroyed = opcode === SELFDESTRUCT;
    if (opcode !== SSTORE || log.stack.length() < 2) return;
    const slot = toWord(log.stack.peek(0).toString(16));
    const value = toWord(log.stack.peek(1).toString(16));
    written[written.length - 1].set(place(log.contract.getAddress(), slot), value);
  };
  const opened = function () {
    written.push(new Map());
  };
  const closed = function (failed) {
    const inner = written.pop();
    if (failed) return;
    for (const entry of inner) written[written.length - 1].set(entry[0], entry[1]);
  };
  const current = function (db) {
    if (db === state) return;
    state = db;
    const stored = db.getState;
    db.getState = function (address, slot) {
      const key = place(address, slot);
      for (let frame = written.length; frame-- > 0; ) {
        if (written[frame].has(key)) return written[frame].get(key).slice();
      }
      return stored(address, slot);
    };
  };

  // The first failure ends the trace. A callback that never came back was stopped from outside.
  const guard = function (name, body) {
    return function (first, second) {
      if (running !== null && failure === null) {
        failure = "the script ran for too long    in server-side tracer function '" + running + "'";
      }
      if (failure !== null) return;
      running = name;
      try {
        body.call(this, first, second);
      } catch (error) {
        failure = error + "    in server-side tracer function '" + name + "'";
      }
      running = null;
    };
  };

  const needs = function (name) {
    if (typeof tracer[name] !== "function") {
      throw new Error("trace object must expose a function " + name + "()");
    }
  };
  needs("result");
  needs("fault");
  if ((typeof tracer.enter === "function") !== (typeof tracer.exit === "function")) {
    throw new Error("trace object must expose either both or none of enter() and exit()");
  }

  const { step, fault, enter, exit, result, setup } = tracer;
  const steps = typeof step === "function" ? step : function () {};
  tracer.step = guard("step", function (log, db) {
    adapt(log);
    current(db);
    steps.call(this, log, db);
    store(log);
  });
  // A revert is a step like any other before it is a fault.
  tracer.fault = guard("fault", function (log, db) {
    adapt(log);
    current(db);
    const told = log.getError;
    log.getError = function () {};
    steps.call(this, log, db);
    log.getError = function () {
      return "execution reverted";
    };
    fault.call(this, log, db);
    log.getError = told;
  });
  const frames = typeof enter === "function";
  tracer.enter = guard("enter", function (frame) {
    opened();
    if (!frames) return;
    const { getType, getValue } = frame;
    if (getType() === "STATICCALL") frame.getValue = function () {};
    if (destroyed) {
      frame.getType = function () {
        return "SELFDESTRUCT";
      };
    }
    destroyed = false;
    enter.call(this, frame);
    frame.getType = getType;
    frame.getValue = getValue;
  });
  tracer.exit = guard("exit", function (frame) {
    closed(frame.getError() !== undefined);
    destroyed = false;
    if (frames) exit.call(this, frame);
  });
  if (typeof setup === "function") {
    tracer.setup = function (config) {
      setup.call(this, JSON.stringify(config === null ? {} : config));
    };
  }
  tracer.result = function (ctx, db) {
    let value;
    guard("result", function () {
      if (ctx.error !== undefined) written[0].clear();
      current(db);
      value = result.call(this, ctx, db);
    }).call(this);
    if (failure !== null) throw new Error(failure);
    return value === undefined ? null : value;
  };
  return tracer;
})
