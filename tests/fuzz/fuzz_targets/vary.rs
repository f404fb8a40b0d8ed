//! `Vary`: a request selects the variant that was stored for its values, and no other.
#![no_main]

use http::HeaderName;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, COOKIE, VARY};
use larder_core::http::vary::{Vary, digest, matches, selecting};
use larder_fuzz::{field, fields};
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 4] = ["accept", "accept-language", "cookie", "x-forwarded-host"];
const FIELDS: [HeaderName; 4] =
    [ACCEPT, ACCEPT_LANGUAGE, COOKIE, HeaderName::from_static("x-forwarded-host")];

fuzz_target!(|data: (&[u8], &[u8], &[u8])| {
    let (one, other) = (fields(&NAMES, data.1), fields(&NAMES, data.2));
    let response = field(&VARY, data.0);
    let said = Vary::parse(&response);
    if response.get_all(VARY).iter().any(|line| line.as_bytes().trim_ascii() == b"*") {
        assert_eq!(said, Vary::Any);
    }
    if let Vary::Fields(names) = &said {
        assert!(names.windows(2).all(|pair| pair[0].as_str() < pair[1].as_str()));
        let made = selecting(names, &one);
        assert!(matches(&made, &one));
        assert_eq!(matches(&made, &other), digest(&made) == digest(&selecting(names, &other)));
    }
    for name in FIELDS {
        let names = [name];
        let (made, asked) = (selecting(&names, &one), selecting(&names, &other));
        assert!(matches(&made, &one));
        let same = matches(&made, &other);
        assert_eq!(same, matches(&asked, &one), "it goes both ways");
        assert_eq!(same, digest(&made) == digest(&asked));
        assert_eq!(same, made == asked);
        // Only white space and the number of lines may differ.
        if same {
            let signs = |headers: &http::HeaderMap| -> Vec<u8> {
                let lines = headers.get_all(&names[0]).iter().map(|line| line.as_bytes());
                lines
                    .collect::<Vec<_>>()
                    .join(&b","[..])
                    .into_iter()
                    .filter(|byte| !b" \t,;".contains(byte))
                    .collect()
            };
            assert_eq!(signs(&one), signs(&other));
        }
    }
});
