//! The same numbers in Prometheus' own text format, which is older than `OpenMetrics`: there a type
//! belongs to the name that the samples have.

/// What `OpenMetrics` says, in the format 0.0.4.
pub(super) fn from_openmetrics(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut help = None;
    for line in text.lines() {
        let mut words = line.splitn(4, ' ');
        let (Some("#"), Some(word)) = (words.next(), words.next()) else {
            push(&mut plain, line);
            continue;
        };
        let (name, rest) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        match word {
            // Its name depends on the type, which follows.
            "HELP" => help = Some(rest),
            "TYPE" => {
                let (ending, kind) = match rest {
                    "counter" => ("_total", "counter"),
                    "info" => ("_info", "gauge"),
                    other => ("", other),
                };
                if let Some(help) = help.take() {
                    push(&mut plain, &format!("# HELP {name}{ending} {help}"));
                }
                push(&mut plain, &format!("# TYPE {name}{ending} {kind}"));
            }
            // Units and the end are not said there.
            _ => {}
        }
    }
    plain
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_belong_to_the_names_of_the_samples() {
        let openmetrics = "\
            # HELP a_acks Acks of # clients.\n# TYPE a_acks counter\na_acks_total{kind=\"x\"} 1\n\
            # HELP a_open Open.\n# TYPE a_open gauge\na_open 2\n\
            # HELP a_build Version.\n# TYPE a_build info\na_build_info{version=\"1\"} 1\n\
            # HELP a_s_seconds Time.\n# TYPE a_s_seconds histogram\n# UNIT a_s_seconds seconds\n\
            a_s_seconds_sum 0.5\na_s_seconds_bucket{le=\"+Inf\"} 1\n# EOF\n";
        let plain = "\
            # HELP a_acks_total Acks of # clients.\n# TYPE a_acks_total counter\n\
            a_acks_total{kind=\"x\"} 1\n\
            # HELP a_open Open.\n# TYPE a_open gauge\na_open 2\n\
            # HELP a_build_info Version.\n# TYPE a_build_info gauge\na_build_info{version=\"1\"} 1\n\
            # HELP a_s_seconds Time.\n# TYPE a_s_seconds histogram\n\
            a_s_seconds_sum 0.5\na_s_seconds_bucket{le=\"+Inf\"} 1\n";
        assert_eq!(from_openmetrics(openmetrics), plain);
    }
}
