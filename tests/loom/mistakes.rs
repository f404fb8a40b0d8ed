//! The mistakes that must be found.
//!
//! Each has a name, and pairs of a text in the source and its replacement.

type Mistake = (&'static str, &'static [(&'static str, &'static str)]);

/// Mistakes in the view of the log. Each one violates the order of rule 11.
pub(crate) const VIEW: &[Mistake] = &[
    (
        "confirmed_before_generation",
        &[(
            "let result = change(&mut tail);",
            "let result = change(&mut tail);
             self.confirmed_at.fetch_max(tail.confirmed_at().map_or(0, BootTime::as_nanos), Ordering::Release);",
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
            "stored.valid_at().store(generation,",
            "stored.valid_at().store(self.generation.load(Ordering::Acquire),",
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

/// Mistakes in the coalescer.
pub(crate) const FLIGHT: &[Mistake] = &[
    (
        "a_dropped_lead_stays",
        &[(
            "impl<E> Drop for Leader<E> {\n    fn drop(&mut self) {\n        self.remove();",
            "impl<E> Drop for Leader<E> {\n    fn drop(&mut self) {",
        )],
    ),
    ("leaves_whatever_is_there", &[("is_some_and(|known| Arc::ptr_eq(known, &self.flight))", "is_some()")]),
    (
        "looks_and_begins_in_two_steps",
        &[(
            "let mut flights = lock(&self.flights);
        match flights.get(&key) {
            Some(flight) if may_join(flight) => Role::Follower(Arc::clone(flight)),
            _ => Role::Leader(self.insert(&mut flights, key, now, position)),
        }",
            "let found = lock(&self.flights).get(&key).cloned();
        match found {
            Some(flight) if may_join(&flight) => Role::Follower(flight),
            _ => Role::Leader(self.insert(&mut lock(&self.flights), key, now, position)),
        }",
        )],
    ),
    (
        "leads_in_two_steps",
        &[(
            "(!flights.contains_key(&key)).then(|| self.insert(&mut flights, key, now, position))",
            "let free = !flights.contains_key(&key);
             drop(flights);
             free.then(|| self.insert(&mut lock(&self.flights), key, now, position))",
        )],
    ),
    ("tells_nobody", &[("*latest = Some(event);", "let _ = (latest, event);")]),
    (
        "hears_a_head_only",
        &[(
            "self.wait_for(Option::is_some)",
            "self.wait_for(|event| event.as_ref().is_some_and(|event| !event.is_final()))",
        )],
    ),
];

/// Mistakes in a body that is still arriving.
pub(crate) const ARRIVING: &[Mistake] = &[
    (
        "woken_too_early",
        &[(
            "let mut state = lock(&self.state);
            change(&mut state);
            state.wake_round += 1;
            std::mem::take(&mut state.waiting)",
            "let waiting = std::mem::take(&mut lock(&self.state).waiting);
            let mut state = lock(&self.state);
            change(&mut state);
            state.wake_round += 1;
            waiting",
        )],
    ),
    ("vanishes_in_silence", &[("self.0.update(|state| state.end = End::Aborted);", "")]),
    ("takes_an_old_place", &[(".filter(|(round, _)| *round == self.wake_round)", "")]),
    ("ends_from_the_beginning", &[("whole.slice(self.bytes..)", "whole.clone()")]),
];

/// Mistakes in the count of a fill's clients.
pub(crate) const CLIENT_COUNT: &[Mistake] = &[
    (
        "counts_before_listening",
        &[
            (
                "let emptied = self.emptied.notified();",
                "if self.count.load(Ordering::Acquire) == 0 { return; } let emptied = self.emptied.notified();",
            ),
            (
                "if self.count.load(Ordering::Acquire) == 0 {\n                return;\n            }\n            emptied.await;",
                "emptied.await;",
            ),
        ],
    ),
    ("leaves_in_silence", &[("self.0.emptied.notify_waiters();", "")]),
    (
        "leaves_in_two_steps",
        &[(
            "if self.0.count.fetch_sub(1, Ordering::AcqRel) == 1 {",
            "let before = self.0.count.load(Ordering::Acquire);
             self.0.count.fetch_sub(1, Ordering::AcqRel);
             if before == 1 {",
        )],
    ),
];

/// Mistakes in the flights that wait for other flights.
pub(crate) const FLIGHT_WAITS: &[Mistake] = &[
    (
        "looks_and_notes_in_two_steps",
        &[
            ("let mut waits = self.lock();", "let waits = self.lock();"),
            (
                "for fill in &fills {\n            waits.entry",
                "drop(waits);\n        let mut waits = self.lock();\n        for fill in &fills {\n            waits.entry",
            ),
        ],
    ),
    (
        "looks_at_the_next_flight_only",
        &[(
            "open.extend(waits.get(&next)",
            "open.extend((next == flight).then(|| waits.get(&next)).flatten()",
        )],
    ),
    (
        "waits_stay",
        &[("if let Some(at) = flights.iter()", "if let Some(at) = flights.iter().filter(|_| false)")],
    ),
    ("ends_the_other_waits", &[("if flights.is_empty() {", "if true {")]),
    (
        "notes_the_inner_fill_only",
        &[(
            "for fill in &fills {\n            waits.entry",
            "for fill in fills.iter().take(1) {\n            waits.entry",
        )],
    ),
];

/// Mistakes in the scope of a fill.
pub(crate) const FILL_SCOPE: &[Mistake] = &[(
    "notes_in_two_steps",
    &[(
        "let mut noted = lock(&scope.used);
            *noted = Some(noted.map_or(used, |noted| noted.and(used)));",
        "let noted = *lock(&scope.used);
            *lock(&scope.used) = Some(noted.map_or(used, |noted| noted.and(used)));",
    )],
)];
