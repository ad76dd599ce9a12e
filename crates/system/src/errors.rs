//! Errors as one line: the message and its causes.

use std::error::Error;

/// Returns an error's message and its causes on one line, separated by colons. A cause that the text before it already
/// contains is left out.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let message = error.to_string();
        if !line.contains(&message) {
            line = format!("{line}: {message}");
        }
        cause = error.source();
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{message}")]
    struct Fault {
        message: &'static str,
        source: Option<Box<Fault>>,
    }

    fn fault(messages: &[&'static str]) -> Fault {
        let [message, causes @ ..] = messages else { unreachable!("at least one message") };
        Fault { message, source: (!causes.is_empty()).then(|| Box::new(fault(causes))) }
    }

    #[test]
    fn causes_follow_on_the_same_line_and_none_is_repeated() {
        assert_eq!(chain(&fault(&["no connection"])), "no connection");
        assert_eq!(chain(&fault(&["not sent", "no connection", "refused"])), "not sent: no connection: refused");
        assert_eq!(
            chain(&fault(&["not sent: refused", "refused", "(os error 111)"])),
            "not sent: refused: (os error 111)"
        );
    }
}
