//! The scheme `aws_sigv4`: a signature over each request, by Signature Version 4 of AWS. What is
//! signed is what is sent: method, raw path and query, the signed headers, the body's digest.

use std::time::SystemTime;

use actix_http::header::{self, HeaderName, HeaderValue};
use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningError,
        SigningSettings, UriPathNormalizationMode, sign,
    },
    sign::v4::SigningParams,
};

use crate::secret::Secret;

/// Headers that a signature writes. The caller's own lines of these names are not sent.
pub const WRITTEN: [HeaderName; 4] = [
    header::AUTHORIZATION,
    HeaderName::from_static("x-amz-date"),
    HeaderName::from_static("x-amz-security-token"),
    HeaderName::from_static("x-amz-content-sha256"),
];

/// Parameters by which a URL carries a signature, which would contradict that in the headers.
pub const SIGNED_QUERY: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
];

/// The service whose paths are encoded once and never normalized, and which wants the digest of the
/// body in a header.
const S3: &str = "s3";

/// An access key, and what it signs for. Cannot be printed.
pub struct Signer {
    pub access_key_id: Secret,
    pub secret_access_key: Secret,
    /// Of temporary credentials.
    pub session_token: Option<Secret>,
    pub region: Box<str>,
    pub service: Box<str>,
}

/// A request as it is sent.
pub struct ToSign<'a> {
    pub method: &'a str,
    /// The `Host` line's value.
    pub authority: &'a str,
    /// Path and query, in their raw bytes.
    pub target: &'a str,
    /// The lines to sign, besides `Host`.
    pub lines: Vec<(&'a str, &'a str)>,
    /// The body's SHA-256, in lower-case hexadecimal digits.
    pub body_sha256: &'a str,
}

/// The request cannot be signed: its URL or a line that has to be signed is not plain text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be signed for AWS: its URL or an x-amz-* header is malformed")]
pub struct NotSignable;

/// AWS wants these lines signed if they are sent; others may change on the way.
pub fn is_signed(name: &HeaderName) -> bool {
    *name == header::CONTENT_TYPE || name.as_str().starts_with("x-amz-")
}

impl Signer {
    /// The lines that sign a request sent at this time.
    ///
    /// # Errors
    /// [`NotSignable`].
    pub fn sign(
        &self,
        request: &ToSign<'_>,
        at: SystemTime,
    ) -> Result<Vec<(HeaderName, HeaderValue)>, NotSignable> {
        let identity = self.credentials().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(&self.service)
            .time(at)
            .settings(self.settings())
            .build()
            .map_err(|_| NotSignable)?;
        let signable = request.signable().map_err(|_| NotSignable)?;
        let signed = sign(signable, &params.into()).map_err(|_| NotSignable)?;
        let (instructions, _) = signed.into_parts();
        instructions.headers().map(line).collect()
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(
            self.access_key_id.expose(),
            self.secret_access_key.expose(),
            self.session_token.as_ref().map(|it| it.expose().to_owned()),
            None,
            "settings",
        )
    }

    fn settings(&self) -> SigningSettings {
        let mut settings = SigningSettings::default();
        if &*self.service == S3 {
            settings.percent_encoding_mode = PercentEncodingMode::Single;
            settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
            settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
        }
        settings
    }

    /// Everything that tells this signer from others.
    pub(super) fn fields(&self) -> impl Iterator<Item = &str> {
        let token = self.session_token.as_ref().map_or("", Secret::expose);
        [
            self.access_key_id.expose(),
            self.secret_access_key.expose(),
            token,
            &self.region,
            &self.service,
        ]
        .into_iter()
    }
}

impl<'a> ToSign<'a> {
    fn signable(&self) -> Result<SignableRequest<'a>, SigningError> {
        let host = [("host", self.authority)];
        SignableRequest::new(
            self.method,
            // The scheme is not part of what is signed.
            format!("https://{}{}", self.authority, self.target),
            host.into_iter().chain(self.lines.iter().copied()),
            SignableBody::Precomputed(self.body_sha256.to_owned()),
        )
    }
}

fn line((name, value): (&str, &str)) -> Result<(HeaderName, HeaderValue), NotSignable> {
    let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| NotSignable)?;
    let mut value = HeaderValue::from_str(value).map_err(|_| NotSignable)?;
    value.set_sensitive(true);
    Ok((name, value))
}

#[cfg(test)]
mod tests;
