//! The head of one request as it goes on the wire, with what the target's own credential needs at
//! the send: an access token, or a signature over this very request.

use std::{borrow::Cow, cell::RefCell, sync::Arc, time::SystemTime};

use actix_http::header::{self, HeaderValue};
use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{Sending, headless::Headless};
use crate::{
    credential::{
        Credential, Scheme,
        aws::{self, NotSignable, Signer, ToSign},
        tokens::Now,
    },
    error::{Code, GatewayError},
    proxy::{
        clock,
        headers::RequestHead,
        offload,
        plan::{CredentialForwarding, Target},
        tokens::no_token,
        url,
    },
    route::policy::HeaderEdit,
    upstream::{BodyLength, RequestBody, Upstream},
};

/// What the target's credential adds to this one send.
pub(super) enum AtSend<'t> {
    Nothing,
    /// The value of `Authorization`.
    Token(HeaderValue),
    /// A signature over the request, whose body has this SHA-256 in hexadecimal digits.
    Signature(&'t Signer, String),
}

impl<U: Upstream> Sending<'_, '_, U> {
    /// What the credential needs before the head can be written.
    pub(super) async fn at_send<'t>(
        &self,
        credential: &'t Arc<Credential>,
        body: &RefCell<RequestBody>,
    ) -> Result<AtSend<'t>, Headless> {
        match credential.scheme() {
            Scheme::Lines(_) | Scheme::Query(_) => Ok(AtSend::Nothing),
            Scheme::Token(_) => {
                let token = self.token(credential).await;
                token.map(AtSend::Token).map_err(Headless::NoToken)
            }
            Scheme::Signature(signer) => {
                let digest = self.digest(body).await.map_err(Headless::Unsendable)?;
                Ok(AtSend::Signature(signer, digest))
            }
        }
    }

    /// The access token, once there is one.
    async fn token(&self, credential: &Arc<Credential>) -> Result<HeaderValue, GatewayError> {
        let tokens = &self.worker.gateway.process.tokens;
        loop {
            let answer = tokens.ask(credential.fingerprint(), clock::now());
            if let Some(fetch) = answer.fetch {
                self.worker.tokens.begin(credential.clone(), fetch);
            }
            match answer.now {
                Now::Token(line) => return Ok(line),
                Now::Wait(change) => change.wait().await,
                Now::Failed(reason) => return Err(no_token(&reason)),
            }
        }
    }

    /// The SHA-256 of the body as this target gets it, which was read whole before.
    async fn digest(&self, body: &RefCell<RequestBody>) -> Result<String, GatewayError> {
        let (bytes, length) = {
            let mut body = body.borrow_mut();
            (body.joined()?, body.length())
        };
        let bytes = match (bytes, length) {
            (Some(bytes), _) => bytes,
            (None, BodyLength::None | BodyLength::Tunnel) => Bytes::new(),
            (None, BodyLength::Exact(_) | BodyLength::Chunked) => {
                let message = "the request body was not read whole before it is signed";
                return Err(GatewayError::new(Code::Internal, message));
            }
        };
        let count = bytes.len();
        let digest = move || {
            let digest = Sha256::digest(&bytes);
            digest.iter().map(|byte| format!("{byte:02x}")).collect()
        };
        offload::by_size(self.admitted.client(), count, digest).await
    }

    /// The bytes of the head.
    ///
    /// # Errors
    /// `invalid_header`: the request cannot be signed.
    pub(super) fn wire_head(
        &self,
        target: &Target,
        authority: &str,
        body: &RefCell<RequestBody>,
        at_send: AtSend<'_>,
    ) -> Result<Bytes, GatewayError> {
        let names = &self.worker.plans.known().credentials;
        let withheld = match target.credentials {
            CredentialForwarding::Forwarded => &[][..],
            CredentialForwarding::Withheld | CredentialForwarding::Replaced => &names.headers[..],
        };
        let fixed = [&*target.edits, &self.added];
        let mut head = RequestHead {
            method: &self.admitted.head.method,
            target: &self.wire_target(target),
            authority,
            lines: &self.admitted.fields.end_to_end,
            length: body.borrow().length(),
            kept_back: &self.worker.gateway.kept_back(self.admitted.head.headers()),
            withheld,
            forwarded: &target.forward_headers,
            edits: &fixed,
        };
        let fresh = match at_send {
            AtSend::Nothing => return Ok(head.encode()),
            AtSend::Token(line) => vec![(header::AUTHORIZATION, Some(line))],
            AtSend::Signature(signer, digest) => signature(&head, signer, &digest)?,
        };
        let edits = [fixed[0], fixed[1], &fresh];
        head.edits = &edits;
        Ok(head.encode())
    }

    /// Path and query: the caller's without what stands for other credentials, and with the
    /// target's own.
    fn wire_target(&self, target: &Target) -> String {
        let names = &self.worker.plans.known().credentials.query;
        let callers = self.admitted.routed.query;
        let query = match target.credentials {
            CredentialForwarding::Forwarded => callers.map(Cow::Borrowed),
            CredentialForwarding::Withheld | CredentialForwarding::Replaced => {
                callers.and_then(|query| url::without(query, names))
            }
        };
        let rest = self.admitted.routed.rest;
        let Some(credential) = &target.scheme else {
            return url::request_target(&target.base, rest, query.as_deref());
        };
        let query = query.as_deref();
        let query = query.and_then(|query| url::without(query, credential.replaced_query()));
        let mut sent = url::request_target(&target.base, rest, query.as_deref());
        if let Scheme::Query(params) = credential.scheme() {
            url::add_query(&mut sent, params.encoded());
        }
        sent
    }
}

/// The lines that sign a request which is otherwise complete.
fn signature(
    head: &RequestHead<'_>,
    signer: &Signer,
    body_sha256: &str,
) -> Result<Vec<HeaderEdit>, GatewayError> {
    let sent = head.sent_lines().filter(|(name, _)| aws::is_signed(name));
    let lines = sent.map(|(name, value)| {
        let value = std::str::from_utf8(value.as_bytes()).map_err(|_| not_signable(NotSignable))?;
        Ok((name.as_str(), value))
    });
    let request = ToSign {
        method: head.method.as_str(),
        authority: head.authority,
        target: head.target,
        lines: lines.collect::<Result<_, GatewayError>>()?,
        body_sha256,
    };
    let signed = signer.sign(&request, SystemTime::now());
    let signed = signed.map_err(not_signable)?.into_iter();
    Ok(signed.map(|(name, value)| (name, Some(value))).collect())
}

fn not_signable(error: NotSignable) -> GatewayError {
    GatewayError::new(Code::InvalidHeader, error.to_string())
}
