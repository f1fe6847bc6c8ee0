//! What signs an attempt: the headers of Standard Webhooks 1.0, and the one of the original service.

use ains_core::DeliveryId;
use ains_core::webhook::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The id of the delivery: the same in every attempt.
pub const ID: &str = "webhook-id";

/// When the attempt was made, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";

/// One `v1,…` for each secret that is valid, with a space between.
pub const SIGNATURE: &str = "webhook-signature";

/// The header of the original service.
pub const ORIGINAL: &str = "x-webhook-signature";

/// The value of [`SIGNATURE`]: `v1,` and the base64 of the HMAC-SHA256 of `id.timestamp.body`, for each of `secrets`.
pub fn standard(secrets: &[Secret], id: DeliveryId, timestamp: i64, body: &str) -> String {
    let start = format!("{id}.{timestamp}.");
    let signed = secrets.iter().map(|secret| {
        let mac = mac(secret, &[start.as_bytes(), body.as_bytes()]);
        format!("v1,{}", STANDARD.encode(mac))
    });
    signed.collect::<Vec<_>>().join(" ")
}

/// The value of [`ORIGINAL`]: `sha256=` and the hex of the HMAC-SHA256 of the body.
pub fn original(secret: &Secret, body: &str) -> String {
    format!("sha256={}", hex::encode(mac(secret, &[body.as_bytes()])))
}

fn mac(secret: &Secret, parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.key()).expect("HMAC takes a key of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_standard_webhooks_is_signed_as_it_says() {
        // The test vector of the reference libraries; its id is not one of ours, so it is put together here.
        let secret: Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".parse().unwrap();
        let signed = b"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}";
        let expected = "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
        assert_eq!(STANDARD.encode(mac(&secret, &[signed])), expected);
    }

    #[test]
    fn the_original_signs_the_body_alone() {
        // RFC 4231, test case 2.
        let secret: Secret = "Jefe".parse().unwrap();
        assert_eq!(
            original(&secret, "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
