//! The simple part of ntfy's templates: `{{.alert.title}}`, `{{ index .alerts 0 }}` is not.

use serde_json::Value;

use super::error::{NtfyError, Why};

/// The longest text that comes out, in bytes.
const MAX_FILLED: usize = 32 * 1024;

/// Puts the values of a JSON body in their places: a place names a value by its path, where a
/// number is the place in a list (`{{.alerts.0.labels.name}}`).
pub(super) fn fill(template: &str, values: &Value) -> Result<String, NtfyError> {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, place)) = rest.split_once("{{") {
        let (path, after) = place
            .split_once("}}")
            .ok_or_else(|| NtfyError::new(Why::Template, "a '{{' is not closed"))?;
        filled.push_str(before);
        filled.push_str(&text(find(path.trim(), values)?));
        rest = after;
        if filled.len() > MAX_FILLED {
            let detail = format!("what comes out is longer than {MAX_FILLED} bytes");
            return Err(NtfyError::new(Why::Template, detail));
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

fn find<'v>(path: &str, values: &'v Value) -> Result<&'v Value, NtfyError> {
    let plain = |c: char| c.is_alphanumeric() || "._-".contains(c);
    let Some(names) = path
        .strip_prefix('.')
        .filter(|path| path.chars().all(plain))
    else {
        let detail = format!(
            "only paths such as {{{{.alert.title}}}} are filled in, not '{path}'; make the text \
             before it is sent"
        );
        return Err(NtfyError::new(Why::Template, detail));
    };
    let mut found = values;
    for name in names.split('.').filter(|name| !name.is_empty()) {
        let next = match found {
            Value::Array(list) => name.parse().ok().and_then(|place: usize| list.get(place)),
            other => other.get(name),
        };
        found = next.unwrap_or(&Value::Null);
    }
    Ok(found)
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => "<no value>".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn paths_are_filled_in() {
        let values = json!({
            "title": "Disk full",
            "alerts": [{ "labels": { "host-name": "a1" }, "value": 97.5, "firing": true }],
        });
        for (template, expected) in [
            ("", ""),
            ("plain } text {", "plain } text {"),
            ("{{.title}}", "Disk full"),
            (
                "{{ .title }}: {{.alerts.0.labels.host-name}}",
                "Disk full: a1",
            ),
            ("{{.alerts.0.value}}% {{.alerts.0.firing}}", "97.5% true"),
            ("{{.missing.path}}", "<no value>"),
            ("{{.alerts.1}}{{.title.x}}", "<no value><no value>"),
        ] {
            assert_eq!(fill(template, &values).unwrap(), expected, "{template}");
        }
    }

    #[test]
    fn more_than_paths_is_refused() {
        for template in [
            "{{range .alerts}}x{{end}}",
            "{{if .x}}",
            "{{",
            "{{}}",
            "{{ title }}",
            "{{.a | upper}}",
        ] {
            let error = fill(template, &json!({})).unwrap_err();
            assert_eq!(error.why(), Why::Template, "{template}");
        }
    }

    #[test]
    fn what_comes_out_is_bounded() {
        let values = json!({ "a": "x".repeat(1000) });
        assert!(fill(&"{{.a}}".repeat(100), &values).is_err());
    }
}
