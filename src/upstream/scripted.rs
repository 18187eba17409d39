//! A stand-in for the network: answers from a list, and a record of what was asked. For tests of the line.

use std::{cell::RefCell, collections::VecDeque};

use actix_http::{
    ResponseHead, StatusCode,
    header::{HeaderName, HeaderValue},
};
use bytes::Bytes;

use super::{Answer, AnswerBody, Call, Failure, Upstream};

/// One scripted outcome.
pub enum Scene {
    Fails(Failure),
    Answers {
        status: StatusCode,
        headers: Vec<(&'static str, &'static str)>,
        body: Vec<Result<Bytes, Failure>>,
    },
}

/// Plays its scenes in order, one per request.
#[derive(Default)]
pub struct ScriptedUpstream {
    scenes: RefCell<VecDeque<Scene>>,
    heads: RefCell<Vec<Bytes>>,
}

impl ScriptedUpstream {
    pub fn new(scenes: impl IntoIterator<Item = Scene>) -> Self {
        ScriptedUpstream {
            scenes: RefCell::new(scenes.into_iter().collect()),
            heads: RefCell::default(),
        }
    }

    /// The request heads sent so far, as they would have gone on the wire.
    pub fn heads(&self) -> Vec<Bytes> {
        self.heads.borrow().clone()
    }
}

impl Upstream for ScriptedUpstream {
    async fn send(&self, call: &Call) -> Result<Answer, Failure> {
        self.heads.borrow_mut().push(call.head.clone());
        match self.scenes.borrow_mut().pop_front() {
            Some(Scene::Fails(failure)) => Err(failure),
            Some(Scene::Answers {
                status,
                headers,
                body,
            }) => {
                let mut head = ResponseHead::new(status);
                for (name, value) in headers {
                    head.headers.append(
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    );
                }
                Ok(Answer {
                    head,
                    body: AnswerBody::scripted(body.into()),
                })
            }
            None => Err(Failure::unsent(super::Cause::ClosedBeforeHead)),
        }
    }
}
