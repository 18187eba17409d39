//! Throughway: a header-directed passthrough gateway for LLM APIs.
//!
//! The life of a request: [`server`] accepts it, [`downstream`] watches its client, [`app`] serves
//! our own pages, and [`proxy`] serves all else: admit → prepare → lookup → send → relay.
//! `docs/architecture.md` names the files and functions of each step.
//!
//! | module | question it answers |
//! |---|---|
//! | [`cli`] | what did the person at the terminal ask for? |
//! | [`config`] | what did the operator set? |
//! | [`store`] | what did operators change through the admin API? |
//! | [`server`], [`app`], [`gateway`] | how does it start and stop; which URLs; what is shared? |
//! | [`proxy`] | what happens to a request, in which order? |
//! | [`directives`] | what does the caller ask of the gateway itself? |
//! | [`route`] | where may it go, in which order, and what does an outcome mean? |
//! | [`dialect`], [`json_edit`] | what does a body say, and how is one value in it replaced? |
//! | [`cache`] | was this asked before, and may the response be sent again? |
//! | [`control`] | who changes the snapshot: settings, admin API, other replicas? |
//! | [`identity`] | who calls, and what may they do? |
//! | [`endpoint`] | which path of the gateway stands for which target? |
//! | [`credential`] | how do the operator's credentials travel: lines, signatures, tokens? |
//! | [`guard`], [`resolve`] | which targets may be dialled; which addresses does a name have? |
//! | [`upstream`] | how is one request sent to one target, and its response read truthfully? |
//! | [`downstream`] | what is the client's side doing? |
//! | [`origin_health`] | what do recent requests say of an origin: breakers, budgets? |
//! | [`usage`], [`price`], [`money`] | what did a response use, and what did that cost? |
//! | [`record`], [`observe`] | what happened, counted and logged? |
//! | [`telemetry`] | what is sent to an OTLP receiver? |
//! | [`http`], [`tls`] | what does HTTP say that both sides need; how is rustls set up? |
//! | [`memory`], [`machine`] | how much may request bodies hold; what does the machine give? |
//! | [`error`] | which errors does the gateway make itself? |

pub mod app;
pub mod cache;
pub mod cli;
pub mod config;
pub mod control;
pub mod credential;
pub mod dialect;
pub mod directives;
pub mod downstream;
pub mod endpoint;
pub mod error;
pub mod gateway;
#[cfg(test)]
mod golden;
pub mod guard;
pub mod http;
pub mod identity;
pub mod json_edit;
pub mod machine;
pub mod memory;
pub mod money;
pub mod observe;
pub mod origin_health;
pub mod price;
pub mod proxy;
pub mod rate_limit;
pub mod record;
pub mod records;
pub mod redis_client;
pub mod resolve;
pub mod route;
pub mod secret;
pub mod server;
pub mod store;
pub mod telemetry;
pub mod tls;
pub mod upstream;
pub mod usage;
