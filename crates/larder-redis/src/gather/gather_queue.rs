//! The calls that wait for the next batch, and the number of batches in flight.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::CallTarget;

/// Calls that wait for the next batch.
#[derive(Debug)]
pub(crate) struct GatherQueue<C, A>(Mutex<State<C, A>>);

#[derive(Debug)]
struct State<C, A> {
    waiting: VecDeque<Waiting<C, A>>,
    /// Number of batches of the current epoch that are in flight.
    in_flight: usize,
    /// Number of the current epoch.
    ///
    /// A new epoch begins when a call has waited for too long. Batches of earlier epochs do not
    /// count.
    epoch: u64,
    /// The number of the next call that waits.
    next_number: u64,
}

#[derive(Debug)]
struct Waiting<C, A> {
    number: u64,
    call: C,
    answer: oneshot::Sender<A>,
}

/// How a call gets its answer.
pub(super) enum Admission<C, A> {
    /// By a command of its own.
    SendNow { call: C, epoch: u64 },
    /// By a later command.
    Join { number: u64, answer: oneshot::Receiver<A> },
}

/// Calls for one command.
pub(super) struct Batch<C, A> {
    pub(super) calls: Vec<C>,
    pub(super) answers: Vec<oneshot::Sender<A>>,
    pub(super) epoch: u64,
}

impl<C, A> Default for GatherQueue<C, A> {
    fn default() -> Self {
        Self(Mutex::new(State { waiting: VecDeque::new(), in_flight: 0, epoch: 0, next_number: 0 }))
    }
}

impl<C, A> GatherQueue<C, A> {
    pub(super) fn admit(&self, call: C) -> Admission<C, A> {
        let mut state = self.lock();
        if state.in_flight == 0 {
            state.in_flight = 1;
            return Admission::SendNow { call, epoch: state.epoch };
        }
        let (sender, answer) = oneshot::channel();
        let number = state.next_number;
        state.next_number += 1;
        state.waiting.push_back(Waiting { number, call, answer: sender });
        Admission::Join { number, answer }
    }

    /// Records that a batch of an epoch has completed. Returns the next one.
    pub(super) fn completed<T>(&self, epoch: u64) -> Option<Batch<C, A>>
    where
        T: CallTarget<Call = C, Answer = A>,
    {
        let mut state = self.lock();
        if epoch != state.epoch {
            return None;
        }
        state.in_flight = state.in_flight.saturating_sub(1);
        if state.in_flight == 0 { state.take::<T>() } else { None }
    }

    /// Returns a batch that is full, if there is one.
    pub(super) fn next_full<T>(&self) -> Option<Batch<C, A>>
    where
        T: CallTarget<Call = C, Answer = A>,
    {
        let mut state = self.lock();
        if state.waiting.len() >= T::MAX_CALLS { state.take::<T>() } else { None }
    }

    /// Returns a batch if the call with this number still waits. The first one begins an epoch.
    pub(super) fn overdue<T>(&self, number: u64, is_first: bool) -> Option<Batch<C, A>>
    where
        T: CallTarget<Call = C, Answer = A>,
    {
        let mut state = self.lock();
        if state.waiting.front().is_none_or(|first| first.number > number) {
            return None;
        }
        if is_first {
            state.epoch += 1;
            state.in_flight = 0;
        }
        state.take::<T>()
    }

    fn lock(&self) -> MutexGuard<'_, State<C, A>> {
        // No change under this lock can be left half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C, A> State<C, A> {
    /// Takes the first calls that wait, without those whose callers have left.
    ///
    /// They are in flight from now on.
    fn take<T>(&mut self) -> Option<Batch<C, A>>
    where
        T: CallTarget<Call = C, Answer = A>,
    {
        let (mut calls, mut answers, mut weight) = (Vec::new(), Vec::new(), 0_usize);
        while let Some(first) = self.waiting.front() {
            let next = weight.saturating_add(T::weight(&first.call));
            let has_room = calls.is_empty() || (calls.len() < T::MAX_CALLS && next <= T::MAX_WEIGHT);
            if !has_room && !first.answer.is_closed() {
                break;
            }
            let Some(Waiting { call, answer, .. }) = self.waiting.pop_front() else { break };
            if !answer.is_closed() {
                weight = next;
                calls.push(call);
                answers.push(answer);
            }
        }
        if calls.is_empty() {
            return None;
        }
        self.in_flight += 1;
        Some(Batch { calls, answers, epoch: self.epoch })
    }
}
