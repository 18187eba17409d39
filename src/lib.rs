//! Throughway: a header-directed passthrough gateway for LLM APIs.
//!
//! The life of a request: [`server`] accepts it, [`downstream`] watches its client, [`app`] tells our
//! own pages from the API's, and [`proxy`] serves it: admit → prepare → lookup → send → relay.
//! `docs/architecture.md` tells it with the names of files and functions.
//!
//! | module | question it answers |
//! |---|---|
//! | [`cli`] | what did the person at the terminal ask for? |
//! | [`config`] | what did the operator set? |
//! | [`server`], [`app`], [`gateway`] | how does it start, answer and stop; which URLs; what do all workers share? |
//! | [`proxy`] | what happens to a request, in which order? |
//! | [`directives`] | what does the caller ask of the gateway itself? |
//! | [`route`] | where may it go, in which order, and what does an outcome mean? |
//! | [`dialect`], [`json_edit`] | what does a body say, and how is one value in it replaced? |
//! | [`cache`] | has this been asked before, and may the answer be given again? |
//! | [`guard`], [`resolve`] | who may be dialled; which addresses has a name? |
//! | [`upstream`] | how is one request sent to one target, and its answer read truthfully? |
//! | [`downstream`] | what is the client's side doing? |
//! | [`origin_health`] | what do recent requests say of an origin: breakers, budgets? |
//! | [`record`], [`observe`] | what happened, counted and logged? |
//! | [`memory`], [`machine`] | how much may request bodies hold; what does the machine give? |
//! | [`error`] | what does the gateway say when it says no? |

pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod dialect;
pub mod directives;
pub mod downstream;
pub mod error;
pub mod gateway;
#[cfg(test)]
mod golden;
pub mod guard;
pub mod json_edit;
pub mod machine;
pub mod memory;
pub mod observe;
pub mod origin_health;
pub mod proxy;
pub mod rate_limit;
pub mod record;
pub mod redis_client;
pub mod resolve;
pub mod route;
pub mod secret;
pub mod server;
pub mod upstream;
