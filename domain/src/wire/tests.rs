//! Frames survive any cut, and the JSON names are the documented ones.

use proptest::prelude::*;

use super::*;

#[test]
fn json_names_are_the_documented_ones() {
    let request = Request::SignUserOperation(SignUserOperation {
        chain_id: 1,
        entry_point: Address::ZERO,
        user_op: PackedUserOperation::default(),
    });
    let json = serde_json::to_value(&request).unwrap();
    assert!(json["signUserOperation"]["userOp"]["accountGasLimits"].is_string(), "{json}");
    assert_eq!(serde_json::to_string(&Request::Info).unwrap(), r#""info""#);
    let refused = Response::Refused { code: RefusalCode::NonceUsed, message: "m".into() };
    assert_eq!(
        serde_json::to_string(&refused).unwrap(),
        r#"{"refused":{"code":"nonce-used","message":"m"}}"#
    );
    assert_eq!(RefusalCode::NonceUsed.to_string(), "nonce-used");
}

#[test]
fn caps_are_told_with_the_addresses_and_may_be_missing() {
    let caps = SignerCaps { max_fee_per_gas: 1 << 70, max_operation_gas: 5, max_bundle_gas: 8 };
    let info = Response::Info { owner: Address::ZERO, bundler: Address::ZERO, caps: Some(caps) };
    let json = serde_json::to_value(&info).unwrap();
    assert_eq!(json["info"]["caps"]["maxFeePerGas"], "0x400000000000000000");
    assert_eq!(json["info"]["caps"]["maxBundleGas"], 8);
    assert_eq!(serde_json::from_value::<Response>(json.clone()).unwrap(), info);

    let mut old = json;
    old["info"].as_object_mut().unwrap().remove("caps");
    let Response::Info { caps, .. } = serde_json::from_value(old).unwrap() else { panic!() };
    assert_eq!(caps, None);
}

#[test]
fn unknown_fields_are_refused_and_unknown_codes_are_not() {
    let extra = r#"{"signReceipt":{"chainId":1,"registry":"0x0000000000000000000000000000000000000000","x":1}}"#;
    assert!(serde_json::from_str::<Request>(extra).unwrap_err().to_string().contains("`x`"));
    assert!(serde_json::from_str::<Request>(r#""signHash""#).is_err());
    let code: RefusalCode = serde_json::from_str(r#""from-the-future""#).unwrap();
    assert_eq!(code, RefusalCode::Unknown);
}

#[test]
fn a_length_over_the_cap_is_refused_before_the_content_is_awaited() {
    let header = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes();
    assert!(matches!(decode_frame::<Request>(&header), Err(FrameError::TooLarge(_))));
    assert!(matches!(read_frame::<Request>(&mut &header[..]), Err(FrameError::TooLarge(_))));
    let huge = "x".repeat(MAX_FRAME);
    assert!(matches!(encode_frame(&huge), Err(FrameError::TooLarge(_))));
}

#[test]
fn an_ended_stream_is_no_error_but_a_cut_frame_is() {
    let frame = encode_frame(&Request::Info).unwrap();
    assert!(read_frame::<Request>(&mut &[][..]).unwrap().is_none());
    for end in 1..frame.len() {
        let error = read_frame::<Request>(&mut &frame[..end]).unwrap_err();
        assert!(matches!(error, FrameError::Truncated), "{error}");
    }
}

proptest! {
    #[test]
    fn frames_round_trip_one_after_another(texts in prop::collection::vec(".{0,200}", 0..5)) {
        let mut stream = Vec::new();
        for text in &texts {
            write_frame(&mut stream, text).unwrap();
        }
        let mut reader = stream.as_slice();
        let mut rest = stream.as_slice();
        for text in &texts {
            prop_assert_eq!(read_frame::<String>(&mut reader).unwrap(), Some(text.clone()));
            let (decoded, taken) = decode_frame::<String>(rest).unwrap().unwrap();
            prop_assert_eq!(&decoded, text);
            prop_assert!(decode_frame::<String>(&rest[..taken - 1]).unwrap().is_none());
            rest = &rest[taken..];
        }
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        let _ = decode_frame::<Request>(&bytes);
        let _ = read_frame::<Request>(&mut bytes.as_slice());
    }
}
