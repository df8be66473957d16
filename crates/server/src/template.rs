//! Texts with placeholders, which each receiver's own values fill.

use std::borrow::Cow;

use hither_protocol::{AccountName, FieldValue, Fields};
use serde_json::{Map, Value};

use crate::text::{MAX_BODY, MAX_HTML, MAX_TITLE};

/// The longest name of a placeholder, in bytes; what is longer is text.
pub(crate) const MAX_NAME: usize = 64;

/// The texts of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Texts {
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) html: Option<String>,
}

/// What is known of a receiver.
pub(crate) struct Values<'v> {
    pub(crate) account: &'v AccountName,
    /// Comes first.
    pub(crate) fields: Option<&'v Fields>,
    pub(crate) record: Option<&'v Map<String, Value>>,
}

/// Why a template was not filled, named after the next step.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// Address accounts only.
    #[error(
        "A message with placeholders that fields or records fill is for to.accounts alone; \
         leave out topics, tokens, application and everyone."
    )]
    NotForAccounts,
    /// Give the value.
    #[error(
        "{account} has no value for {name}; give a string, number or boolean in fields or in the \
         receiver's record."
    )]
    Missing {
        /// Of the first receiver without it.
        account: AccountName,
        /// Of the placeholder.
        name: String,
    },
    /// Give shorter values.
    #[error("{part} filled for {account} is larger than {most} bytes; shorten it.")]
    TooLong {
        /// Whose message it is.
        account: AccountName,
        /// Of the message.
        part: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// Give a title without control characters.
    #[error("title filled for {account} must be one line without control characters.")]
    NotOneLine {
        /// Whose message it is.
        account: AccountName,
    },
    /// Give at least one text that is not empty.
    #[error("title, body and html filled for {account} are all empty; give one of them.")]
    Empty {
        /// Whose message it is.
        account: AccountName,
    },
    /// Publish to fewer accounts at a time.
    #[error("The filled messages are larger than {most} bytes together; name fewer accounts.")]
    TooMuch {
        /// How large they may be.
        most: usize,
    },
}

/// Whether there is anything to fill in a text.
pub(crate) fn has_placeholders(text: &str) -> bool {
    pieces(text).any(|piece| matches!(piece, Piece::Placeholder(_)))
}

impl Texts {
    /// What has to be read for each receiver, in bytes.
    pub(crate) fn len(&self) -> usize {
        self.title.len() + self.body.len() + self.html.as_deref().map_or(0, str::len)
    }

    /// As one receiver gets them.
    pub(crate) fn fill(&self, values: &Values<'_>) -> Result<Self, Unfilled> {
        let html = self.html.as_deref();
        let filled = Self {
            title: values.fill("title", &self.title, MAX_TITLE, as_it_is)?,
            body: values.fill("body", &self.body, MAX_BODY, as_it_is)?,
            html: html
                .map(|html| values.fill("html", html, MAX_HTML, escaped))
                .transpose()?,
        };
        let account = || values.account.clone();
        if filled.title.contains(char::is_control) {
            return Err(Unfilled::NotOneLine { account: account() });
        }
        let html = filled.html.as_deref().unwrap_or_default();
        if filled.title.is_empty() && filled.body.is_empty() && html.is_empty() {
            return Err(Unfilled::Empty { account: account() });
        }
        Ok(filled)
    }
}

impl Values<'_> {
    /// What is filled in is not looked through again.
    fn fill(
        &self,
        part: &'static str,
        text: &str,
        most: usize,
        written: fn(&str) -> Cow<'_, str>,
    ) -> Result<String, Unfilled> {
        let mut filled = String::with_capacity(text.len());
        for piece in pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Placeholder(name) => filled.push_str(&written(&self.value(name)?)),
            }
            if filled.len() > most {
                return Err(Unfilled::TooLong {
                    account: self.account.clone(),
                    part,
                    most,
                });
            }
        }
        Ok(filled)
    }

    fn value(&self, name: &str) -> Result<Cow<'_, str>, Unfilled> {
        let found = match self.field(name) {
            None | Some(FieldValue::Null) => self.recorded(name),
            Some(FieldValue::Text(text)) => Some(Cow::Borrowed(text.as_str())),
            Some(FieldValue::Number(number)) => Some(Cow::Owned(number.to_string())),
            Some(FieldValue::Flag(flag)) => Some(Cow::Owned(flag.to_string())),
            Some(FieldValue::Other(_)) => None,
        };
        found.ok_or_else(|| Unfilled::Missing {
            account: self.account.clone(),
            name: name.to_owned(),
        })
    }

    fn field(&self, name: &str) -> Option<&FieldValue> {
        self.fields?.get(self.account.as_str())?.get(name)
    }

    fn recorded(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.record?.get(name)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            value @ (Value::Number(_) | Value::Bool(_)) => Some(Cow::Owned(value.to_string())),
            Value::Null | Value::Array(_) | Value::Object(_) => None,
        }
    }
}

fn as_it_is(value: &str) -> Cow<'_, str> {
    Cow::Borrowed(value)
}

/// As text of a page, or inside an attribute in quotes.
fn escaped(value: &str) -> Cow<'_, str> {
    let special = |c: char| matches!(c, '&' | '<' | '>' | '"' | '\'');
    if !value.contains(special) {
        return Cow::Borrowed(value);
    }
    let mut text = String::with_capacity(value.len() + 16);
    for c in value.chars() {
        match c {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            c => text.push(c),
        }
    }
    Cow::Owned(text)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece<'t> {
    Text(&'t str),
    /// By name.
    Placeholder(&'t str),
}

/// A text in its order; braces that enclose no name are text.
fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        if let Some((name, after)) = placeholder(rest) {
            rest = after;
            return Some(Piece::Placeholder(name));
        }
        let end = (1..rest.len())
            .filter(|at| rest.as_bytes()[*at] == b'{')
            .find(|at| placeholder(&rest[*at..]).is_some())
            .unwrap_or(rest.len());
        let (before, after) = rest.split_at(end);
        rest = after;
        Some(Piece::Text(before))
    })
}

/// The name at the beginning of a text, and what comes after it.
fn placeholder(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix("{{")?.trim_start_matches(' ');
    let is_name = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let end = inside.find(|c| !is_name(c))?;
    let (name, after) = inside.split_at(end);
    let after = after.trim_start_matches(' ').strip_prefix("}}")?;
    (1..=MAX_NAME).contains(&end).then_some((name, after))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn ada() -> AccountName {
        "ada".parse().unwrap()
    }

    fn fields(values: &Value) -> Fields {
        serde_json::from_value(json!({ "ada": values })).unwrap()
    }

    fn texts(title: &str, body: &str, html: Option<&str>) -> Texts {
        Texts {
            title: title.to_owned(),
            body: body.to_owned(),
            html: html.map(ToOwned::to_owned),
        }
    }

    fn fill(texts: &Texts, own: &Value, record: &Value) -> Result<Texts, Unfilled> {
        let (fields, account) = (fields(own), ada());
        let Value::Object(record) = record else {
            panic!("a record is an object");
        };
        texts.fill(&Values {
            account: &account,
            fields: Some(&fields),
            record: Some(record),
        })
    }

    fn body(text: &str, own: &Value, record: &Value) -> Result<String, Unfilled> {
        fill(&texts("x", text, None), own, record).map(|filled| filled.body)
    }

    #[test]
    fn d3_placeholders_are_filled_and_nothing_else() {
        let own = json!({ "a": "A", "b.c-d_e": "B", "größe": 3, "yes": true, "loop": "{{a}}" });
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("{{a}}", "A"),
            ("{{ a }}{{  a}}{{a   }}", "AAA"),
            ("<{{b.c-d_e}}>", "<B>"),
            ("{{größe}} {{yes}}", "3 true"),
            ("{{loop}}", "{{a}}"),
            ("{{{a}}}", "{A}"),
            ("{{{{a}}}}", "{{A}}"),
            ("{{ {{a}}", "{{ A"),
            (
                "{{}} {{ }} {a} {{a} {{a b}} {{a\n}} {{#a}}",
                "{{}} {{ }} {a} {{a} {{a b}} {{a\n}} {{#a}}",
            ),
            ("{{a", "{{a"),
            ("{{", "{{"),
            ("}}{{a}}é{", "}}Aé{"),
        ] {
            let filled = body(text, &own, &json!({}));
            assert_eq!(filled.as_deref(), Ok(expected), "{text}");
        }
        let long = format!("{{{{{}}}}}", "a".repeat(MAX_NAME + 1));
        assert_eq!(body(&long, &json!({}), &json!({})), Ok(long.clone()));
    }

    #[test]
    fn d3_fields_come_before_the_record() {
        let record = json!({ "a": "old", "b": 12.5, "c": null, "d": [1], "e": {}, "f": "" });
        let own = json!({ "a": "new", "b": null, "h": null, "i": [1], "j": {}, "f": [] });
        let filled = body("{{a}} {{b}}", &own, &record);
        assert_eq!(filled.as_deref(), Ok("new 12.5"));
        assert_eq!(body("-{{f}}-", &json!({}), &record).as_deref(), Ok("--"));
        for name in ["c", "d", "e", "f", "g", "h", "i", "j"] {
            let missing = Unfilled::Missing {
                account: ada(),
                name: name.to_owned(),
            };
            let text = format!("{{{{{name}}}}}");
            assert_eq!(body(&text, &own, &record), Err(missing));
        }
    }

    #[test]
    fn d3_numbers_are_filled_in_as_they_were_given() {
        for number in ["12.5", "-0.1", "123456789.12345679", "4.5e+300"] {
            let given: Value = serde_json::from_str(&format!(r#"{{"n":{number}}}"#)).unwrap();
            for (own, record) in [(&given, &json!({})), (&json!({}), &given)] {
                assert_eq!(body("{{n}}", own, record).as_deref(), Ok(number));
            }
        }
    }

    #[test]
    fn d3_values_are_escaped_in_the_page_only() {
        let all = texts("{{x}}", "{{x}}", Some("<b title='{{x}}'>{{x}}</b>"));
        let filled = fill(&all, &json!({ "x": "<a href=\"'&'\">" }), &json!({})).unwrap();
        assert_eq!(filled.title, "<a href=\"'&'\">");
        assert_eq!(filled.body, filled.title);
        let safe = "&lt;a href=&quot;&#39;&amp;&#39;&quot;&gt;";
        let page = format!("<b title='{safe}'>{safe}</b>");
        assert_eq!(filled.html, Some(page));
    }

    #[test]
    fn d3_what_is_filled_keeps_the_limits() {
        let account = ada;
        let too_long = |part, most| Unfilled::TooLong {
            account: account(),
            part,
            most,
        };
        let page = |text| texts("", "", Some(text));
        let large = "x".repeat(8 * 1024);
        let many = "{{x}}".repeat(MAX_HTML / large.len() + 1);
        for (all, value, expected) in [
            (
                texts("{{x}}", "", None),
                large.as_str(),
                too_long("title", MAX_TITLE),
            ),
            (
                texts("", "{{x}}{{x}}{{x}}{{x}}.", None),
                &large,
                too_long("body", MAX_BODY),
            ),
            (page(&many), &large, too_long("html", MAX_HTML)),
            (
                texts("{{x}}", "", None),
                "two\nlines",
                Unfilled::NotOneLine { account: ada() },
            ),
            (
                texts("{{x}}", "", None),
                "",
                Unfilled::Empty { account: ada() },
            ),
        ] {
            assert_eq!(
                fill(&all, &json!({ "x": value }), &json!({})),
                Err(expected)
            );
        }
    }

    proptest! {
        #[test]
        fn d3_no_text_is_lost_and_no_value_is_read_as_a_template(
            text in "([{} a.é-]|\\PC){0,40}",
            value in "[{} a]{0,10}",
        ) {
            let whole: String = pieces(&text).map(|piece| match piece {
                Piece::Text(text) => text.to_owned(),
                Piece::Placeholder(name) => format!("{{{{{name}}}}}"),
            }).collect();
            let close = |text: &str| text.replace(' ', "");
            prop_assert_eq!(close(&whole), close(&text));

            let names: Vec<_> = pieces(&text).filter_map(|piece| match piece {
                Piece::Placeholder(name) => Some(name),
                Piece::Text(_) => None,
            }).collect();
            let own: Map<_, _> = names.iter().map(|name| {
                ((*name).to_owned(), Value::from(value.clone()))
            }).collect();
            let expected: String = pieces(&text).map(|piece| match piece {
                Piece::Text(text) => text,
                Piece::Placeholder(_) => &value,
            }).collect();
            prop_assert_eq!(body(&text, &own.into(), &json!({})), Ok(expected));
        }
    }
}
