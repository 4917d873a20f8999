//! What rules say of a write that was done all the same, in the language of the request.

use actix_web::HttpRequest;
use kehu_domain::flaw::Lang;
use kehu_domain::show::Out;
use kehu_store::machine::Warning;

use crate::headers::Incoming;

/// The language of a request's answer.
pub(super) fn lang_of(request: &HttpRequest) -> Lang {
    Incoming::of(request).map_or(Lang::En, |incoming| incoming.lang)
}

/// The answer to a write: the record, and as its last member what was warned of. The record's ETag knows nothing of it.
pub(super) fn warned(mut record: String, warnings: &[Warning], lang: Lang) -> String {
    if record.ends_with('}') {
        record.pop();
        let mut out = Out::new();
        write_warnings(&mut out, warnings, lang);
        record.push_str(",\"warnings\":");
        record.push_str(&out.into_text());
        record.push('}');
    }
    record
}

/// The list of warnings, in the shape of the errors of a problem.
pub(super) fn write_warnings(out: &mut Out, warnings: &[Warning], lang: Lang) {
    out.array(|out| {
        for warning in warnings {
            out.object(|out| {
                out.key("pointer").text(&warning.pointer);
                out.key("code").text(&warning.code);
                out.key("params").object(|out| {
                    for (name, value) in &warning.params {
                        out.foreign_key(name).text(value);
                    }
                });
                out.key("message").text(warning.message(lang));
                out.key("hint").text_or_null(warning.hint(lang));
            });
        }
    });
}
