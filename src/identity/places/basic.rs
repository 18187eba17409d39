//! Decodes the credentials of `Authorization: Basic`.

use base64::{
    Engine as _, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

/// As lenient as any receiver: a key must be found however it was encoded.
const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

static ALPHABETS: [GeneralPurpose; 2] = [
    GeneralPurpose::new(&alphabet::STANDARD, LENIENT),
    GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT),
];

/// Credentials up to this length, in bytes, are decoded without an allocation.
const USUAL_LENGTH: usize = 768;

/// Hands the decoded credentials on, if they are base64.
pub(super) fn decode(encoded: &[u8], decoded: impl FnOnce(&[u8])) {
    let mut usual = [0; USUAL_LENGTH];
    let mut long = Vec::new();
    let length = base64::decoded_len_estimate(encoded.len());
    let room = match length <= USUAL_LENGTH {
        true => &mut usual[..],
        false => {
            long.resize(length, 0);
            &mut long[..]
        }
    };
    for alphabet in &ALPHABETS {
        if let Ok(length) = alphabet.decode_slice(encoded, room) {
            return decoded(&room[..length]);
        }
    }
}
