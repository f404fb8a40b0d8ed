//! Rule 17: tokens.

use crate::protocol::Protocol;
use crate::reading::Reading;
use crate::world::{Instance, Token};

impl Protocol {
    /// Whether a request that brings the token may go on here, as this process knows what it is
    /// about. Otherwise it waits, and then goes past the cache, which shows nothing old to anybody.
    #[must_use]
    pub fn honours(&self, instance: &Instance, token: &Token) -> bool {
        let own = instance.tail.position();
        let same = own.incarnation == token.incarnation || self.reads(Reading::TokenIsAnId);
        same && own.mark.log >= token.id
    }
}
