//! Links of the description: from the answer to a create to what can be done with the new record.

use serde_json::{Map, Value, json};

/// What a new record is good for: the method at its address, the link's name, and what the link is for.
const WAYS: &[(&str, &str, &str)] = &[
    ("get", "Read", "Reads what was made."),
    ("patch", "Change", "Changes what was made."),
    ("delete", "Delete", "Takes away what was made."),
];

/// What a job that was asked for is good for: the operation, the link's name, and what the link is for.
const OF_JOBS: &[(&str, &str, &str)] =
    &[("jobs_get", "Follow", "Tells how far the job is."), ("jobs_cancel", "Cancel", "Takes the job back.")];

/// The same of a bulk change.
const OF_BULK_CHANGES: &[(&str, &str, &str)] = &[
    ("jobs_records", "Records", "Tells what became of each record."),
    ("jobs_undo", "Undo", "Undoes what the job did."),
];

/// Adds links to every answer that makes something which has an address of its own: `POST /v1/tags` to `/v1/tags/{id}`, and
/// `PUT /v1/customers/by/{key}/{value}` to the same of customers; and to every answer that asked for a job.
pub(super) fn add(paths: &mut Map<String, Value>) {
    let made = |path: &String, method: &str| {
        let place = format!("/{method}/responses/201");
        let _ = paths.get(path)?.pointer(&place)?;
        let collection = path.split_once("/by/").map_or(path.as_str(), |(collection, _)| collection);
        let links = links(paths.get(&format!("{collection}/{{id}}"))?);
        (!links.is_empty()).then(|| (path.clone(), place, links))
    };
    let made: Vec<(String, String, Map<String, Value>)> =
        paths.keys().flat_map(|path| ["post", "put"].map(|method| made(path, method))).flatten().collect();
    for (path, place, links) in made {
        put(paths.get_mut(&path), &place, links);
    }
    for (path, item) in paths.iter_mut() {
        for operation in item.as_object_mut().into_iter().flat_map(|item| item.values_mut()) {
            let job = operation.pointer("/responses/202/content/application~1json/schema/$ref");
            if job.is_some_and(|job| job == "#/components/schemas/Job") {
                let of_bulk = if path.ends_with("/bulk") { OF_BULK_CHANGES } else { &[] };
                let links = OF_JOBS.iter().chain(of_bulk).map(|(operation, name, doc)| to(operation, name, doc));
                put(Some(operation), "/responses/202", links.collect());
            }
        }
    }
}

fn put(item: Option<&mut Value>, place: &str, links: Map<String, Value>) {
    if let Some(answer) = item.and_then(|item| item.pointer_mut(place)?.as_object_mut()) {
        answer.insert("links".into(), links.into());
    }
}

/// A link to an operation on what the answer shows.
fn to(operation: &str, name: &str, doc: &str) -> (String, Value) {
    let link = json!({ "operationId": operation, "parameters": { "id": "$response.body#/id" }, "description": doc });
    (name.to_owned(), link)
}

fn links(one: &Value) -> Map<String, Value> {
    let link = |(method, name, doc): &(&str, &str, &str)| {
        let operation = one.get(*method)?.get("operationId")?.as_str()?;
        Some(to(operation, name, doc))
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
        let put = &document["paths"]["/v1/customers/by/{key}/{value}"]["put"]["responses"]["201"]["links"];
        assert_eq!(put, links);
        for kind in KINDS {
            let made = &document["paths"][format!("/v1/{}", kind.path)]["post"]["responses"]["201"];
            assert!(made["links"]["Read"].is_object(), "{}", kind.name);
        }
    }

    #[test]
    fn what_is_done_later_links_to_its_job() {
        let document = document();
        let links = |path: &str| document["paths"][path]["post"]["responses"]["202"]["links"].clone();
        let bulk = links("/v1/customers/bulk");
        for (name, operation) in [("Follow", "jobs_get"), ("Records", "jobs_records"), ("Undo", "jobs_undo")] {
            assert_eq!(bulk[name]["operationId"], operation);
            assert_eq!(bulk[name]["parameters"]["id"], "$response.body#/id");
        }
        assert_eq!(links("/v1/customers/{id}/erase")["Follow"]["operationId"], "jobs_get");
    }
}
