//! Which software a server runs and which models it has, from the pages that each offers next to its completions.

use serde_json::Value;

use super::super::server_error::ServerError;
use super::dialect::Software;
use super::http::Http;
use crate::catalog::{ServerAddress, sha256_of};

/// What a server says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Look {
    pub software: Software,
    pub version: Option<String>,
    /// The model's name there.
    pub model: String,
    pub context: Option<usize>,
    /// How many texts it writes at the same time, if that bounds a request.
    pub slots: Option<usize>,
    /// Changes when the server's software, configuration or model does, as far as it says so.
    pub digest: String,
}

/// Requests the pages.
pub(super) async fn look(http: &Http, address: &ServerAddress) -> Result<Look, ServerError> {
    let (software_header, list) = match http.get(address.below("models")).await {
        Ok(reply) => (reply.software, reply.body),
        // Some servers list no models; the first completion will show whether the address is right.
        Err(ServerError::Refused { status: 404 | 405 | 501, .. }) if address.model().is_some() => {
            (String::new(), Value::Null)
        }
        Err(error) => return Err(error),
    };
    let entries = list["data"].as_array().map(Vec::as_slice).unwrap_or_default();
    let (model, entry) = chosen(http, address, entries)?;
    let owner = entry["owned_by"].as_str().unwrap_or_default();
    let mut look = Look {
        software: software_of(owner, &software_header),
        version: None,
        model,
        context: number(&entry["max_model_len"]).or_else(|| number(&entry["meta"]["n_ctx"])),
        slots: None,
        digest: String::new(),
    };
    look.read_own_page(http, address).await;
    let mut stable = entry;
    if let Some(entry) = stable.as_object_mut() {
        // The time of the request, with vLLM and llama.cpp.
        entry.remove("created");
    }
    let said = format!("{address}\n{:?}\n{:?}\n{:?}\n{stable}", look.software, look.version, look.slots);
    look.digest = sha256_of(said.as_bytes());
    Ok(look)
}

impl Look {
    /// Reads the page on which this software says more. That it is missing is no error.
    async fn read_own_page(&mut self, http: &Http, address: &ServerAddress) {
        let page = match self.software {
            Software::Vllm => "version",
            Software::LlamaCpp => "props",
            Software::Sglang => "get_server_info",
            Software::Tgi | Software::Other => "info",
        };
        let Ok(reply) = http.get(address.beside(page)).await else { return };
        let said = &reply.body;
        if self.software == Software::Other && said["model_id"].is_string() && said["max_total_tokens"].is_u64() {
            self.software = Software::Tgi;
        }
        let version = said["version"].as_str().or(said["build_info"].as_str());
        self.version = version.map(str::to_owned);
        self.slots = number(&said["total_slots"]);
        self.context = self.context.or_else(|| number(&said["max_total_tokens"]));
    }
}

/// Finds the configured model in the server's list; the only one if none is configured.
fn chosen(http: &Http, address: &ServerAddress, entries: &[Value]) -> Result<(String, Value), ServerError> {
    let id = |entry: &Value| entry["id"].as_str().unwrap_or_default().to_owned();
    let known = || entries.iter().map(id).collect::<Vec<_>>().join(", ");
    match (address.model(), entries) {
        (Some(model), []) => Ok((model.to_owned(), Value::Null)),
        (Some(model), entries) => {
            let is_alias = |entry: &Value| {
                let aliases = entry["aliases"].as_array().map(Vec::as_slice).unwrap_or_default();
                aliases.iter().any(|alias| alias.as_str() == Some(model))
            };
            let entry = entries.iter().find(|entry| id(entry) == model || is_alias(entry));
            entry.map(|entry| (model.to_owned(), entry.clone())).ok_or_else(|| ServerError::NoSuchModel {
                server: http.server(),
                model: model.to_owned(),
                known: known(),
            })
        }
        (None, [only]) => Ok((id(only), only.clone())),
        (None, []) => Err(ServerError::NamesNoModel { server: http.server() }),
        (None, _) => Err(ServerError::WhichModel { server: http.server(), known: known() }),
    }
}

fn software_of(owner: &str, header: &str) -> Software {
    match owner {
        "vllm" => Software::Vllm,
        "llamacpp" => Software::LlamaCpp,
        "sglang" => Software::Sglang,
        _ if header.contains("llama.cpp") => Software::LlamaCpp,
        _ => Software::Other,
    }
}

fn number(value: &Value) -> Option<usize> {
    value.as_u64().filter(|number| *number > 0).and_then(|number| usize::try_from(number).ok())
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::super::tests::settings;
    use super::*;

    /// Returns what a server says that says nothing of itself.
    pub fn plain() -> Look {
        let (software, model, digest) = (Software::Other, "m".to_owned(), String::new());
        Look { software, version: None, model, context: None, slots: None, digest }
    }

    #[test]
    fn a_server_with_one_model_needs_no_name_and_every_other_says_which_to_write() {
        let address: ServerAddress = "http://127.0.0.1:1/v1".parse().unwrap();
        let http = Http::new(&address, None, &settings()).unwrap();
        let of = |entries: &[Value]| chosen(&http, &address, entries).map_err(|error| error.to_string());
        let entries = [json!({"id": "a"}), json!({"id": "b"})];
        assert_eq!(of(&entries[..1]), Ok(("a".to_owned(), entries[0].clone())));
        let several = of(&entries).unwrap_err();
        assert!(several.contains("has several models (a, b): write one of them"), "{several}");
        let none = of(&[]).unwrap_err();
        assert!(none.contains("lists no model: write the name of one after a #"), "{none}");
    }
}
