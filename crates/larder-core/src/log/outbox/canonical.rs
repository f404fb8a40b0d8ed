use super::Outbox;
use crate::time::Boot;

impl Outbox {
    pub(crate) fn make_canonical(&mut self, moment: &mut dyn FnMut(Boot) -> Boot) {
        for appended in self.entries.iter_mut().filter_map(|entry| entry.appended.as_mut()) {
            appended.answered = moment(appended.answered);
        }
    }
}
