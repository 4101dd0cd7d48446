//! Just enough of CBOR (RFC 8949) for the protocol that the SDK speaks to CloudWatch
//! (<https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>), between bytes and JSON values.

use minicbor::data::{Tag, Type};
use minicbor::{Decoder, Encoder};
use serde_json::{Map, Value, json};

/// On the way out, `{"$time": seconds}` is a time.
pub const TIME: &str = "$time";

/// A request's body. Times are their seconds.
pub fn decode(bytes: &[u8]) -> Option<Value> {
    read(&mut Decoder::new(bytes)).ok()
}

fn read(decoder: &mut Decoder<'_>) -> Result<Value, minicbor::decode::Error> {
    Ok(match decoder.datatype()? {
        Type::Bool => json!(decoder.bool()?),
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        Type::F16 | Type::F32 | Type::F64 => json!(decoder.f64()?),
        Type::String | Type::StringIndef => {
            let parts = decoder.str_iter()?.collect::<Result<Vec<_>, _>>()?;
            json!(parts.concat())
        }
        Type::Tag => {
            decoder.tag()?;
            read(decoder)?
        }
        Type::Array | Type::ArrayIndef => {
            let length = decoder.array()?;
            let mut all = Vec::new();
            while more(decoder, length, all.len())? {
                all.push(read(decoder)?);
            }
            Value::Array(all)
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let mut all = Map::new();
            let mut count = 0;
            while more(decoder, length, count)? {
                let key = decoder.str()?.to_owned();
                all.insert(key, read(decoder)?);
                count += 1;
            }
            Value::Object(all)
        }
        _ => json!(i64::try_from(decoder.int()?).unwrap_or_default()),
    })
}

/// Whether another item comes; of an indefinite length, until the break.
fn more(decoder: &mut Decoder<'_>, length: Option<u64>, read: usize) -> Result<bool, minicbor::decode::Error> {
    match length {
        Some(length) => Ok((read as u64) < length),
        None if decoder.datatype()? == Type::Break => {
            decoder.skip()?;
            Ok(false)
        }
        None => Ok(true),
    }
}

/// An answer's body.
pub fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, value).expect("a vector takes everything");
    encoder.into_writer()
}

type Written = Result<(), minicbor::encode::Error<std::convert::Infallible>>;

fn write(encoder: &mut Encoder<Vec<u8>>, value: &Value) -> Written {
    match value {
        Value::Null => encoder.null().map(drop),
        Value::Bool(flag) => encoder.bool(*flag).map(drop),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => encoder.i64(whole).map(drop),
            None => encoder.f64(number.as_f64().unwrap_or_default()).map(drop),
        },
        Value::String(text) => encoder.str(text).map(drop),
        Value::Array(all) => {
            encoder.array(all.len() as u64)?;
            all.iter().try_for_each(|value| write(encoder, value))
        }
        Value::Object(all) => {
            if let Some(seconds) = all.get(TIME) {
                // Tag 1: seconds since 1970.
                encoder.tag(Tag::new(1))?.f64(seconds.as_f64().unwrap_or_default())?;
                return Ok(());
            }
            encoder.map(all.len() as u64)?;
            all.iter().try_for_each(|(key, value)| {
                encoder.str(key)?;
                write(encoder, value)
            })
        }
    }
}
