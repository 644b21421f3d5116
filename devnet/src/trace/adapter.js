(function (tracer) {
  const PADDING = 1024 * 1024;
  let failure = null;
  let running = null;
  let known = null;

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
  if (typeof step === "function") {
    tracer.step = guard("step", function (log, db) {
      adapt(log);
      step.call(this, log, db);
    });
  }
  // A revert is a step like any other before it is a fault.
  tracer.fault = guard("fault", function (log, db) {
    adapt(log);
    const told = log.getError;
    log.getError = function () {};
    steps.call(this, log, db);
    log.getError = function () {
      return "execution reverted";
    };
    fault.call(this, log, db);
    log.getError = told;
  });
  if (typeof enter === "function") {
    tracer.enter = guard("enter", function (frame) {
      const value = frame.getValue;
      if (frame.getType() === "STATICCALL") frame.getValue = function () {};
      enter.call(this, frame);
      frame.getValue = value;
    });
    tracer.exit = guard("exit", exit);
  }
  if (typeof setup === "function") {
    tracer.setup = function (config) {
      setup.call(this, JSON.stringify(config === null ? {} : config));
    };
  }
  tracer.result = function (ctx, db) {
    let value;
    guard("result", function () {
      value = result.call(this, ctx, db);
    }).call(this);
    if (failure !== null) throw new Error(failure);
    return value;
  };
  return tracer;
})
