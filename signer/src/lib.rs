//! The process that holds the keys: policy, journal and signatures behind a Unix socket.
