//! A service account's key, as Google hands it out, and the assertion that it signs: who asks for
//! a token (RFC 7523).

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls_pki_types::{PrivateKeyDer, pem::PemObject as _};
use serde::Deserialize;
use serde_json::{Value, json};

use super::CannotSign;
use crate::secret::Secret;

/// How long an assertion is valid, in seconds: the most that Google permits.
const VALID_FOR: u64 = 3600;
const GOOGLE: &str = "https://oauth2.googleapis.com/token";

/// A service account with its key. Cannot be printed.
pub struct ServiceAccount {
    email: Box<str>,
    key_id: Option<Box<str>>,
    key: RsaKeyPair,
    /// As it was written.
    written_key: Secret,
    token_uri: Box<str>,
}

/// The keys of the JSON that are used.
#[derive(Deserialize)]
struct Written {
    #[serde(rename = "type")]
    kind: String,
    client_email: Box<str>,
    private_key_id: Option<Box<str>>,
    private_key: Secret,
    token_uri: Option<Box<str>>,
}

impl ServiceAccount {
    /// Reads the JSON of a service account's key.
    ///
    /// # Errors
    /// What is wrong with it, without any of its values.
    pub fn read(json: Value) -> Result<Self, &'static str> {
        let written: Written = serde_json::from_value(json).map_err(|_| {
            "is no key of a service account: it needs type, client_email and private_key, as in \
             the JSON file that Google Cloud makes"
        })?;
        if written.kind != "service_account" {
            return Err("is not of the type service_account, and no other is supported");
        }
        let key = key(&written.private_key)
            .ok_or("has a private_key that is no RSA key in PEM of at least 2048 bits")?;
        Ok(ServiceAccount {
            email: written.client_email,
            key_id: written.private_key_id,
            key,
            written_key: written.private_key,
            token_uri: written.token_uri.unwrap_or(GOOGLE.into()),
        })
    }

    pub fn token_uri(&self) -> &str {
        &self.token_uri
    }

    /// A signed statement, valid for an hour, that the account asks for these scopes.
    ///
    /// # Errors
    /// [`CannotSign`].
    pub fn assertion(&self, scopes: &str, at: SystemTime) -> Result<String, CannotSign> {
        let at = at.duration_since(UNIX_EPOCH).map_err(|_| CannotSign)?;
        let issued = at.as_secs();
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let claims = json!({
            "iss": self.email,
            "scope": scopes,
            "aud": self.token_uri,
            "iat": issued,
            "exp": issued + VALID_FOR,
        });
        let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
        let [header, claims] = [header, claims].map(|part| encode(part.to_string().as_bytes()));
        let signed = format!("{header}.{claims}");
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .map_err(|_| CannotSign)?;
        Ok(format!("{signed}.{}", encode(&signature)))
    }

    pub(super) fn fields(&self) -> [&str; 4] {
        let key = self.written_key.expose();
        ["service account", &self.email, key, &self.token_uri]
    }
}

fn key(pem: &Secret) -> Option<RsaKeyPair> {
    match PrivateKeyDer::from_pem_slice(pem.expose().as_bytes()).ok()? {
        PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).ok(),
        PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).ok(),
        // An elliptic curve, or a kind of key that was unknown when this was written.
        _ => None,
    }
}
