//! `qfleet local up` and `local down`: real workers around the emulator, and a supervisor that plays Auto Scaling.

mod api;
mod at_once;
mod by_name;
mod deaths;
mod ends;
mod install;
mod place;
mod refusals;
mod scaling;
mod schedule;
mod secrets;
mod watched;
mod web;
