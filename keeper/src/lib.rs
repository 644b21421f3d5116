//! The daemon that turns purchases into runs and runs into settlements.
