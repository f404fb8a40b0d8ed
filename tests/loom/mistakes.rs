//! The mistakes that must be found: a name, and pairs of the original text and its replacement.

type Mistake = (&'static str, &'static [(&'static str, &'static str)]);

/// In the view of the log. Each one breaks the order of rule 11.
pub(crate) const VIEW: &[Mistake] = &[
    (
        "confirmed_before_generation",
        &[(
            "let result = change(&mut tail);",
            "let result = change(&mut tail);
             self.confirmed_at.fetch_max(tail.confirmed_at().map_or(0, Boot::as_nanos), Ordering::Release);",
        )],
    ),
    (
        "confirmed_relaxed",
        &[("fetch_max(confirmed_at, Ordering::Release)", "fetch_max(confirmed_at, Ordering::Relaxed)")],
    ),
    (
        "confirmed_read_relaxed",
        &[(
            "match self.confirmed_at.load(Ordering::Acquire)",
            "match self.confirmed_at.load(Ordering::Relaxed)",
        )],
    ),
    (
        "generation_before_rows",
        &[(
            "let mut tail = self.tail.write()",
            "self.generation.fetch_add(1, Ordering::Release); let mut tail = self.tail.write()",
        )],
    ),
    (
        "hit_reads_generation_first",
        &[
            (
                "let confirmed_at = self.confirmed_at();",
                "let first = self.generation.load(Ordering::Acquire);
                 let confirmed_at = self.confirmed_at();",
            ),
            ("let generation = self.generation.load(Ordering::Acquire);", "let generation = first;"),
        ],
    ),
    (
        "hit_remembers_a_later_generation",
        &[(
            "held.valid_at.store(generation,",
            "held.valid_at.store(self.generation.load(Ordering::Acquire),",
        )],
    ),
    (
        "woken_before_publication",
        &[
            ("self.changed.notify_waiters();", ""),
            (
                "let (result, confirmed_at) = {",
                "self.changed.notify_waiters(); let (result, confirmed_at) = {",
            ),
        ],
    ),
    (
        "looked_before_listening",
        &[
            (
                "let changed = self.changed.notified();",
                "if self.read(&done) { return; } let changed = self.changed.notified();",
            ),
            ("if self.read(&done) || timeout_at", "if timeout_at"),
        ],
    ),
];

/// In the coalescer.
pub(crate) const FLIGHT: &[Mistake] = &[
    (
        "a_dropped_lead_stays",
        &[(
            "impl Drop for Lead {\n    fn drop(&mut self) {\n        self.leave();",
            "impl Drop for Lead {\n    fn drop(&mut self) {",
        )],
    ),
    ("leaves_whatever_is_there", &[("is_some_and(|known| Arc::ptr_eq(known, &self.flight))", "is_some()")]),
    (
        "looks_and_begins_in_two_steps",
        &[(
            "let mut under_way = lock(&self.under_way);
        match under_way.get(&key) {
            Some(flight) if may_join(flight) => Joined::Wait(Arc::clone(flight)),
            _ => Joined::Lead(self.begin(&mut under_way, key, now, position)),
        }",
            "let found = lock(&self.under_way).get(&key).cloned();
        match found {
            Some(flight) if may_join(&flight) => Joined::Wait(flight),
            _ => Joined::Lead(self.begin(&mut lock(&self.under_way), key, now, position)),
        }",
        )],
    ),
    (
        "leads_in_two_steps",
        &[(
            "(!under_way.contains_key(&key)).then(|| self.begin(&mut under_way, key, now, position))",
            "let free = !under_way.contains_key(&key);
             drop(under_way);
             free.then(|| self.begin(&mut lock(&self.under_way), key, now, position))",
        )],
    ),
    ("tells_nobody", &[("self.tells.send_replace(Some(Heard::Ended(end)));", "drop(end);")]),
    (
        "hears_a_head_only",
        &[("self.hear(Option::is_some)", "self.hear(|heard| matches!(heard, Some(Heard::Arriving(_))))")],
    ),
];

/// In a body that is still arriving.
pub(crate) const ARRIVING: &[Mistake] = &[
    (
        "woken_too_early",
        &[(
            "let mut state = lock(&self.state);
            change(&mut state);
            state.round += 1;
            std::mem::take(&mut state.waiting)",
            "let waiting = std::mem::take(&mut lock(&self.state).waiting);
            let mut state = lock(&self.state);
            change(&mut state);
            state.round += 1;
            waiting",
        )],
    ),
    ("vanishes_in_silence", &[("self.0.change(|state| state.end = End::Broken);", "")]),
    ("takes_an_old_place", &[(".filter(|(round, _)| *round == self.round)", "")]),
    ("ends_from_the_beginning", &[("whole.slice(self.bytes..)", "whole.clone()")]),
];

/// In the count of a fill's clients.
pub(crate) const AUDIENCE: &[Mistake] = &[
    (
        "counts_before_listening",
        &[
            (
                "let left = self.left.notified();",
                "if self.seats.load(Ordering::Acquire) == 0 { return; } let left = self.left.notified();",
            ),
            (
                "if self.seats.load(Ordering::Acquire) == 0 {\n                return;\n            }\n            left.await;",
                "left.await;",
            ),
        ],
    ),
    ("leaves_in_silence", &[("self.0.left.notify_waiters();", "")]),
    (
        "leaves_in_two_steps",
        &[(
            "if self.0.seats.fetch_sub(1, Ordering::AcqRel) == 1 {",
            "let before = self.0.seats.load(Ordering::Acquire);
             self.0.seats.fetch_sub(1, Ordering::AcqRel);
             if before == 1 {",
        )],
    ),
];
