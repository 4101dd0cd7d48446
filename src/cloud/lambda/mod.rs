//! Lambda: functions, and the event source mappings that invoke them.

mod actual;
pub mod functions;
pub mod invoke;
pub mod mappings;
