//! The tokens that end a text, as the files of a model name them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Token ids as `config.json` and `generation_config.json` write them: a number, a list, or null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EndTokens(pub Vec<u32>);

impl From<Option<u32>> for EndTokens {
    fn from(id: Option<u32>) -> Self {
        Self(id.into_iter().collect())
    }
}

impl Serialize for EndTokens {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [] => serializer.serialize_none(),
            [id] => id.serialize(serializer),
            ids => ids.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for EndTokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Ids {
            One(i64),
            Several(Vec<i64>),
        }
        let ids = match Option::<Ids>::deserialize(deserializer)? {
            None => Vec::new(),
            Some(Ids::One(id)) => vec![id],
            Some(Ids::Several(ids)) => ids,
        };
        // Some files use -1 for "none".
        Ok(Self(ids.into_iter().filter_map(|id| u32::try_from(id).ok()).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(text: &str) -> EndTokens {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_number_a_list_and_null_are_read_and_written_again() {
        for text in ["7", "null", "[7,9]"] {
            assert_eq!(serde_json::to_string(&ends(text)).unwrap(), text);
        }
        assert_eq!(ends("[7]").0, [7]);
        assert_eq!(ends("-1").0, [0_u32; 0]);
        assert!(serde_json::from_str::<EndTokens>("\"</s>\"").is_err());
    }
}
