//! Host calls as tracers see them.

/// One host call of a Stylus program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostIo {
    /// Name of the host function.
    pub name: &'static str,
    /// Arguments, concatenated, integers big-endian.
    pub args: Vec<u8>,
    /// Results in the same layout.
    pub outs: Vec<u8>,
    /// Ink left before the call.
    pub start_ink: u64,
    /// Ink left after the call.
    pub end_ink: u64,
}

/// Host calls between two questions of a program, as many as are kept.
#[derive(Debug, Default)]
pub struct HostIos {
    events: Vec<HostIo>,
    bytes: usize,
}

impl HostIos {
    /// Most that is kept, in bytes.
    const MOST: usize = 64 << 20;

    /// Keeps a host call if there is room for it.
    pub fn push(&mut self, event: HostIo) {
        self.bytes += size_of::<HostIo>() + event.args.len() + event.outs.len();
        if self.is_whole() {
            self.events.push(event);
        }
    }

    /// Whether there was room for all.
    pub const fn is_whole(&self) -> bool {
        self.bytes <= Self::MOST
    }

    /// Those that are kept, in order.
    pub fn into_events(self) -> Vec<HostIo> {
        self.events
    }
}

/// Receives the host calls of Stylus programs; the default ignores them.
pub trait HostIoSink {
    /// Whether events are wanted at all; they are not even built otherwise.
    fn wants_host_io(&self) -> bool {
        false
    }
    /// Called after each host call, in order; frames it opened are reported before it.
    fn host_io(&mut self, event: HostIo) {
        let _ = event;
    }
    /// Whether programs shall show the inspector an opcode in place of each host call.
    fn wants_stand_ins(&self) -> bool {
        false
    }
    /// Why the transaction is to end here, if it is; asked again and again.
    fn stop(&mut self) -> Option<String> {
        None
    }
}

impl<T: HostIoSink + ?Sized> HostIoSink for &mut T {
    fn wants_host_io(&self) -> bool {
        (**self).wants_host_io()
    }
    fn host_io(&mut self, event: HostIo) {
        (**self).host_io(event);
    }
    fn wants_stand_ins(&self) -> bool {
        (**self).wants_stand_ins()
    }
    fn stop(&mut self) -> Option<String> {
        (**self).stop()
    }
}
