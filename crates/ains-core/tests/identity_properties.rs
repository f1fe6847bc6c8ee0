//! Only the holder of a key can register with it, or let another take its place.

use ains_core::AgentId;
use ains_core::identity::{IdentityError, Proof, PublicKey, registration, rotation};
use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

/// The points of small order, in every encoding that is read as one of them: the list that libsodium refuses
/// (`ge25519_has_small_order`), and the same with the sign bit set.
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

/// The order of the group, little endian (RFC 8032, section 5.1).
const L: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

fn agent(id: &str) -> AgentId {
    id.parse().expect("an id")
}

fn public(key: &SigningKey) -> String {
    hex::encode(key.verifying_key().as_bytes())
}

fn sign(key: &SigningKey, text: &str) -> String {
    hex::encode(key.sign(text.as_bytes()).to_bytes())
}

/// The same signature with the order of the group added to its scalar: as good to whoever does not look.
fn with_order_added(signature: &str) -> String {
    let mut bytes = hex::decode(signature).expect("hex");
    let mut carry = 0;
    for (byte, order) in bytes[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = u8::try_from(sum & 0xff).expect("a byte");
        carry = sum >> 8;
    }
    hex::encode(bytes)
}

fn keys() -> impl Strategy<Value = SigningKey> {
    any::<[u8; 32]>().prop_map(|seed| SigningKey::from_bytes(&seed))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_registration_is_good_for_what_was_signed_and_nothing_else(
        key in keys(), other in keys(), id in "[a-z][a-z0-9_.-]{0,30}", endpoint in "https?://[a-z]{1,20}",
        bit in 0_usize..512,
    ) {
        let id = agent(&id);
        let signature = sign(&key, &registration(&id, &endpoint));
        let of = |id: &AgentId, endpoint: &str, key: &SigningKey, signature: &str| {
            Proof::Signature.of_registration(id, endpoint, &public(key), signature)
        };
        prop_assert_eq!(of(&id, &endpoint, &key, &signature), Ok(()));
        prop_assert_eq!(of(&id, &endpoint, &key, &signature.to_uppercase()), Ok(()), "case of digits");
        let (longer, stranger) = (format!("{endpoint}x"), agent(&format!("x{id}")));
        prop_assert!(of(&id, &longer, &key, &signature).is_err());
        prop_assert!(of(&stranger, &endpoint, &key, &signature).is_err());
        prop_assert!(of(&id, &endpoint, &other, &signature).is_err());
        let mut bytes = hex::decode(&signature).expect("hex");
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(of(&id, &endpoint, &key, &hex::encode(bytes)).is_err());
        prop_assert!(of(&id, &endpoint, &key, &with_order_added(&signature)).is_err());
    }

    #[test]
    fn only_the_old_key_lets_a_new_one_take_its_place(
        old in keys(), new in keys(), other in keys(), id in "[a-z][a-z0-9_.-]{0,30}",
    ) {
        let id = agent(&id);
        let proof = sign(&old, &rotation(&id, &public(&new)));
        let of = |id: &AgentId, old: &SigningKey, new: &SigningKey, proof: &str| {
            Proof::Signature.of_rotation(id, &public(old), &public(new), proof)
        };
        prop_assert_eq!(of(&id, &old, &new, &proof), Ok(()));
        prop_assert!(of(&id, &old, &other, &proof).is_err(), "another new key");
        let stranger = agent(&format!("x{id}"));
        prop_assert!(of(&stranger, &old, &new, &proof).is_err(), "another agent");
        prop_assert!(of(&id, &other, &new, &proof).is_err(), "another old key");
        let by_new = sign(&new, &rotation(&id, &public(&new)));
        prop_assert!(of(&id, &old, &new, &by_new).is_err(), "the new key alone");
        prop_assert!(
            of(&id, &old, &new, &sign(&old, &registration(&id, "http://a"))).is_err(),
            "a registration"
        );
    }

    #[test]
    fn whatever_is_sent_is_answered(key in ".{0,140}", signature in ".{0,140}") {
        let id = agent("a1");
        prop_assert!(Proof::Signature.of_registration(&id, "", &key, &signature).is_err());
        prop_assert!(Proof::Signature.of_rotation(&id, &key, &key, &signature).is_err());
        let hex = |text: &str| hex::decode(text).is_ok();
        let by_hex = Proof::HexOnly.of_registration(&id, "", &key, &signature).is_ok();
        prop_assert_eq!(by_hex, hex(&key) && hex(&signature));
    }
}

#[test]
fn points_of_small_order_stand_for_nobody() {
    for text in SMALL_ORDER {
        for sign in [0, 0x80] {
            let mut bytes = hex::decode(text).expect("hex");
            bytes[31] |= sign;
            let refused = PublicKey::from_hex("public_key", &hex::encode(&bytes)).expect_err(text);
            assert!(
                matches!(refused, IdentityError::Weak(_) | IdentityError::NotAKey(_)),
                "{text}: {refused}"
            );
        }
    }
}

#[test]
fn a_key_has_one_way_to_be_written() {
    // Coordinates from the field's prime on stand for those from zero on, of which some are on the curve.
    let mut on_the_curve = 0;
    for least in 0xed..=0xff_u8 {
        let mut bytes = [0xff; 32];
        bytes[0] = least;
        for last in [0x7f, 0xff] {
            bytes[31] = last;
            on_the_curve += usize::from(ed25519_dalek::VerifyingKey::from_bytes(&bytes).is_ok());
            assert!(
                PublicKey::from_hex("public_key", &hex::encode(bytes)).is_err(),
                "{least:x}"
            );
        }
    }
    assert!(
        on_the_curve > 6,
        "more than the points of small order: {on_the_curve}"
    );
}

#[test]
fn a_signature_that_fits_every_text_is_refused() {
    // With the neutral element as key and as R, and 0 as S, the equation of RFC 8032 holds whatever the text.
    let neutral = SMALL_ORDER[1];
    let signature = format!("{neutral}{}", "00".repeat(32));
    let refused = Proof::Signature.of_registration(&agent("a1"), "http://a", neutral, &signature);
    assert_eq!(refused, Err(IdentityError::Weak("public_key")));
}

#[test]
fn a_refusal_says_what_is_wrong() {
    let key = SigningKey::from_bytes(&[7; 32]);
    let of = |key: &str, signature: &str| {
        let refused = Proof::Signature.of_registration(&agent("a1"), "http://a", key, signature);
        refused.expect_err("refused").to_string()
    };
    assert_eq!(of("0", ""), "public_key is not hex: Odd number of digits");
    assert_eq!(of("00", ""), "public_key is not 32 bytes");
    assert_eq!(of(&public(&key), "00"), "signature is not 64 bytes");
    assert_eq!(
        of(&public(&key), &sign(&key, "a2http://a")),
        "signature does not match public_key over agent_id followed by endpoint"
    );
}
