//! The real upstream: takes a connection from the pool or a new one, runs one exchange on it by way
//! of the awc client, and retries once if a pooled connection proves dead. The only folder that
//! uses awc.

mod client;
mod engine;

use std::{rc::Rc, sync::Arc, time::Instant};

use prometheus_client::metrics::counter::Counter;

use self::client::Client;
use super::{
    Call, Connecting, Upstream, UpstreamResponse,
    connection::{Connection, Outgoing},
    dial::dial,
    exchange::Exchange,
    failure::{Cause, Failure},
    pool::{Lent, Pool, PoolLimits, sweep_regularly},
    read_buffer::ReadBuffer,
    tls::TlsClients,
};
use crate::machine::descriptors::Shortages;

/// Upstream connections of one worker.
pub struct AwcUpstream {
    client: Client,
    pool: Rc<Pool>,
    read_buffer: ReadBuffer,
    tls: Arc<TlsClients>,
    stale_retries: Counter,
}

impl AwcUpstream {
    /// Starts the sweep of idle connections; must be called on the worker's own runtime.
    pub fn new(
        limits: PoolLimits,
        shortages: Arc<Shortages>,
        tls: Arc<TlsClients>,
        stale_retries: Counter,
    ) -> Self {
        let pool = Rc::new(Pool::new(limits, shortages));
        sweep_regularly(&pool);
        AwcUpstream {
            client: Client::new(),
            pool,
            read_buffer: ReadBuffer::default(),
            tls,
            stale_retries,
        }
    }

    async fn connection(&self, call: &Call, pooled: bool) -> Result<Lent, Failure> {
        let key = call.target.pool_key();
        if pooled && let Some(lent) = self.pool.take(key, Instant::now()) {
            call.connecting.set(Connecting {
                is_reused: true,
                ..Connecting::default()
            });
            return Ok(lent);
        }
        // Boxed: dialling and TLS have a large state, and most requests find a connection in the
        // pool.
        let noted = &call.connecting;
        let dial = || Box::pin(dial(&call.target, &self.tls, call.connect_timeout, noted));
        let socket = match dial().await {
            Err(failure) if failure.cause == Cause::NoDescriptors && self.pool.make_room() => {
                dial().await?
            }
            dialled => dialled?,
        };
        let connection = Connection::new(socket, key.clone(), self.read_buffer.clone());
        Ok(self.pool.lend(Box::new(connection)))
    }

    async fn attempt(&self, call: &Call, pooled: bool) -> Result<UpstreamResponse, Failure> {
        let lent = self.connection(call, pooled).await?;
        let rested = lent.rested;
        let outgoing = Outgoing {
            head: call.head.clone(),
            asked: call.asked,
            body: call.body.clone(),
        };
        let exchange = Exchange::begin(lent, outgoing, self.pool.clone());
        let response = self.client.send(exchange).await;
        if let (Err(failure), Some(rested)) = (&response, rested)
            && failure.is_stale_connection()
        {
            let key = call.target.pool_key();
            self.pool.note_closed(key, rested, Instant::now());
        }
        response
    }
}

impl Upstream for AwcUpstream {
    async fn send(&self, call: &Call) -> Result<UpstreamResponse, Failure> {
        match self.attempt(call, true).await {
            Err(failure) if call.may_be_sent_again(&failure) => {
                self.stale_retries.inc();
                Box::pin(self.attempt(call, false)).await
            }
            outcome => outcome,
        }
    }
}
