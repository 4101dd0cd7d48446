//! Origins of web pages: as browsers send them, and what to write instead of one that isn't.

use url::Url;

/// The origin of this URL as a browser sends it: lower case, without a path, and without the port that goes without saying
/// (<https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin>).
pub(super) fn as_sent(text: &str) -> Option<String> {
    let origin = Url::parse(text).ok()?.origin();
    origin.is_tuple().then(|| origin.ascii_serialization())
}

/// What to do about a text that no page may be named by.
pub(super) fn instead(text: &str) -> String {
    if text == "*" {
        return "`*` would let scripts of every page there is use a link that they get hold of: name the pages' origins".into();
    }
    if text.contains('*') {
        return "other people's pages may be among those that a `*` stands for: write each origin out".into();
    }
    if !text.contains("://") {
        return "begin it with `https://`".into();
    }
    match as_sent(text) {
        Some(sent) if sent.starts_with("https://") => format!("browsers send it as `{sent}`: write that"),
        Some(sent) if sent.starts_with("http://") => {
            "over `http`, anybody on the way could read a link and use it: `http` is for `localhost` only".into()
        }
        _ => "write it as browsers do: `https://`, the host, and `:port` if it isn't 443".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_reason() {
        for (text, said) in [
            ("*", "every page there is"),
            ("https://*.example.com", "write each origin out"),
            ("app.example.com", "begin it with"),
            ("https://app.example.com/", "as `https://app.example.com`:"),
            (
                "https://App.example.com:8443/upload?x#y",
                "as `https://app.example.com:8443`:",
            ),
            ("https://user:secret@app.example.com", "as `https://app.example.com`:"),
            ("https://münchen.example", "as `https://xn--mnchen-3ya.example`:"),
            ("http://app.example.com", "over `http`"),
            ("ftp://app.example.com", "as browsers do"),
            ("https://", "as browsers do"),
        ] {
            assert!(instead(text).contains(said), "{text}: {}", instead(text));
        }
    }
}
