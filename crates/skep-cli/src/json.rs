//! Values to JSON.

use serde_json::{Map, Number, Value as Json};
use skep::codec::btf::Value;

/// A decoded value as JSON: structs as objects in the order of their members, `char` arrays as
/// strings, enums by name where the value has one, pointers as numbers, bytes as hex.
pub(crate) fn of(value: &Value) -> Json {
    match value {
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => number(*value),
        Value::Uint(value) => unsigned(*value),
        Value::Char(value) => Json::from(*value),
        Value::Float(value) => Number::from_f64(*value).map_or(Json::Null, Json::Number),
        Value::Enum {
            name: Some(name), ..
        } => Json::from(name.as_str()),
        Value::Enum { name: None, value } => number(*value),
        Value::Str(text) => Json::from(text.as_str()),
        Value::Ptr(value) => Json::from(*value),
        Value::Bytes(bytes) => Json::from(hex(bytes)),
        Value::Array(values) => values.iter().map(of).collect(),
        Value::Struct(members) => Json::Object(object(members)),
    }
}

fn object(members: &[(String, Value)]) -> Map<String, Json> {
    members
        .iter()
        .map(|(name, v)| (name.clone(), of(v)))
        .collect()
}

/// Integers wider than JSON readers and 64 bits can take become strings.
fn number(value: i128) -> Json {
    if let Ok(value) = u64::try_from(value) {
        Json::from(value)
    } else if let Ok(value) = i64::try_from(value) {
        Json::from(value)
    } else {
        Json::from(value.to_string())
    }
}

fn unsigned(value: u128) -> Json {
    u64::try_from(value).map_or_else(|_| Json::from(value.to_string()), Json::from)
}

/// A record of a ring buffer: the struct's fields and, beside them, the ring's name.
pub(crate) fn event(ring: &str, value: &Value) -> Json {
    let fields = match value {
        Value::Struct(members) => object(members),
        other => Map::from_iter([("value".to_owned(), of(other))]),
    };
    let mut key = "map".to_owned();
    while fields.contains_key(&key) {
        key.insert(0, '_');
    }
    let mut event = Map::from_iter([(key, Json::from(ring))]);
    event.extend(fields);
    Json::Object(event)
}

/// A record that no struct describes.
pub(crate) fn raw_event(ring: &str, bytes: &[u8]) -> Json {
    serde_json::json!({"map": ring, "hex": hex(bytes)})
}

/// Bytes as hex digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
#[path = "../../../fuzz/src/random.rs"]
mod random;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_the_ring_gives_way_to_a_field() {
        let value = Value::Struct(vec![
            ("pid".to_owned(), Value::Uint(3)),
            ("map".to_owned(), Value::Int(-1)),
            ("comm".to_owned(), Value::Str("sh \"x\"".to_owned())),
        ]);
        let text = event("events", &value).to_string();
        assert_eq!(
            text,
            r#"{"_map":"events","pid":3,"map":-1,"comm":"sh \"x\""}"#
        );
    }

    #[test]
    fn integers_keep_their_value() {
        assert_eq!(
            number(i128::from(u64::MAX)).to_string(),
            "18446744073709551615"
        );
        assert_eq!(
            number(i128::from(i64::MIN)).to_string(),
            "-9223372036854775808"
        );
        assert_eq!(number(i128::MAX), Json::from(i128::MAX.to_string()));
    }

    #[test]
    fn bytes_are_hex() {
        assert_eq!(
            raw_event("r", &[0, 0x0f, 0xff]).to_string(),
            r#"{"map":"r","hex":"000fff"}"#
        );
    }

    /// Values of every kind, whatever they are: as JSON they can be given back.
    #[test]
    fn json_is_text_that_a_value_is_set_by() {
        use skep::codec::btf::Kind;
        const FLOWS: &[u8] = include_bytes!("../../../testdata/flows.bpf.el.o");
        let spec = skep::ObjectSpec::parse(FLOWS, "flows").unwrap();
        let btf = spec.btf.as_ref().unwrap();
        let mut random = random::Random(0x9e37_79b9);
        for name in ["flow_key", "flow", "counts", "prefix", "sample"] {
            let id = btf.find(name, Some(Kind::Struct)).unwrap();
            let size = btf.size_of(id).unwrap() as usize;
            for _ in 0..500 {
                let bytes: Vec<u8> = (0..size).map(|_| random.next() as u8 & 0x7f).collect();
                let value = btf.decode(id, &bytes).unwrap();
                for text in [of(&value).to_string(), value.to_string()] {
                    let mut back = vec![0; size];
                    btf.encode(id, &text, &mut back).unwrap();
                    assert_eq!(btf.decode(id, &back).unwrap(), value, "{text}");
                }
            }
        }
    }
}
