//! Rule 17: tokens.

use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::world::{Instance, Token};

impl Protocol {
    /// Whether a request with this token may continue here, because this process knows the token's
    /// event. Otherwise it waits and then bypasses the cache, which never shows an old version.
    #[must_use]
    pub fn honours(&self, instance: &Instance, token: &Token) -> bool {
        let own = instance.tail.position();
        let same = own.incarnation == token.incarnation || self.reads(Reading::TokenIsAnId);
        same && own.mark.log >= token.id
    }
}
