//! Links of the description: from the answer to a create to what can be done with the new record.

use serde_json::{Map, Value, json};

/// What a new record is good for: the method at its address, the link's name, and what the link is for.
const WAYS: &[(&str, &str, &str)] = &[
    ("get", "Read", "Reads what was made."),
    ("patch", "Change", "Changes what was made."),
    ("delete", "Delete", "Takes away what was made."),
];

/// Adds links to every answer that makes something which has an address of its own: `POST /v1/tags` to `/v1/tags/{id}`.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let made: Vec<(String, Map<String, Value>)> = paths
        .iter()
        .filter(|(_, item)| item.pointer("/post/responses/201").is_some())
        .filter_map(|(path, _)| {
            let links = links(paths.get(&format!("{path}/{{id}}"))?);
            (!links.is_empty()).then(|| (path.clone(), links))
        })
        .collect();
    for (path, links) in made {
        let answer = paths.get_mut(&path).and_then(|item| item.pointer_mut("/post/responses/201"));
        if let Some(answer) = answer.and_then(Value::as_object_mut) {
            answer.insert("links".into(), links.into());
        }
    }
}

fn links(one: &Value) -> Map<String, Value> {
    let link = |(method, name, doc): &(&str, &str, &str)| {
        let operation = one.get(*method)?.get("operationId")?;
        let link =
            json!({ "operationId": operation, "parameters": { "id": "$response.body#/id" }, "description": doc });
        Some(((*name).to_owned(), link))
    };
    WAYS.iter().filter_map(link).collect()
}

#[cfg(test)]
mod tests {
    use kehu_domain::kinds::KINDS;

    use crate::openapi::document;

    #[test]
    fn what_is_made_links_to_what_can_be_done_with_it() {
        let document = document();
        let links = &document["paths"]["/v1/customers"]["post"]["responses"]["201"]["links"];
        assert_eq!(links["Read"]["operationId"], "customers_get");
        assert_eq!(links["Change"]["parameters"]["id"], "$response.body#/id");
        for kind in KINDS {
            let made = &document["paths"][format!("/v1/{}", kind.path)]["post"]["responses"]["201"];
            assert!(made["links"]["Read"].is_object(), "{}", kind.name);
        }
    }
}
