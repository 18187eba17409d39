//! `throughway keys` as people use it: a key made offline opens a gateway, and a running gateway's
//! keys are made and changed from the terminal.

use std::process::Command;

use crate::support::{Client, Process, Upstream, gateway, method_gateway};
