//! From a config object to a plan: which targets stand in which groups, and what they inherit.

use std::{rc::Rc, time::Duration};

use super::{Makers, Plan, binding, draft::Draft, own::Own};
use crate::{
    error::{Code, GatewayError},
    guard::NamedBy,
    route::{
        config_types::{CacheAsked, Entry, Mode},
        limit::{By, Scope, Scoped},
        policy::{BodyEdit, BreakerPolicy, Hedge, MOST_BODY_EDITS, Retry, TimeoutsAsked},
        tree::{Choice, Node, NodeId, Tree},
    },
};

/// The path of the whole config.
const ROOT: &str = "config";

/// What a config meets when it is resolved.
pub(super) struct Given<'a> {
    /// Who wrote the config.
    pub named_by: NamedBy,
    /// Where it stands in the settings, if it is from there.
    pub place: Option<&'a str>,
    pub own: Own<'a>,
    /// `x-gateway-custom-host`: the root default.
    pub custom_host: Option<&'a str>,
    /// There is a config at all; else headers or settings alone name the target.
    pub in_config: bool,
}

/// Makes the plan.
///
/// # Errors
/// Names the key path, what was wrong and what is allowed.
pub(super) fn resolve(
    entry: &Entry,
    given: &Given<'_>,
    makers: Makers<'_>,
) -> Result<Plan, GatewayError> {
    let mut resolving = Resolving {
        given,
        makers,
        nodes: Vec::new(),
        limits: Vec::new(),
        drafts: Vec::new(),
        notes: Vec::new(),
    };
    resolving.node(entry, Inherited::default(), ROOT.to_owned())?;
    let origin = |draft: &Draft| draft.origin().to_owned();
    let first = resolving.drafts.first().map(origin);
    let only_origin = resolving
        .drafts
        .iter()
        .map(origin)
        .all(|it| Some(it) == first);
    let drafts = resolving.drafts.into_iter();
    let targets = drafts
        .map(|draft| draft.finish(only_origin, makers))
        .collect::<Result<_, _>>()?;
    let tree = Tree {
        nodes: resolving.nodes.into(),
    };
    Ok(Plan {
        text: "".into(),
        reads_body: tree.needs_params(),
        may_replay: tree.may_replay(),
        limits: resolving.limits.into(),
        tree,
        targets,
        notes: resolving.notes,
    })
}

/// What targets take over from the groups around them; the inner wins.
#[derive(Clone, Default)]
pub(super) struct Inherited<'e> {
    pub custom_host: Option<&'e str>,
    pub retry: Option<&'e Retry>,
    pub request_timeout: Option<Duration>,
    pub timeouts: Option<TimeoutsAsked>,
    pub strict_end: Option<bool>,
    pub hedge: Option<Hedge>,
    pub forward_authorization: Option<bool>,
    pub breaker: Option<&'e BreakerPolicy>,
    /// One list for all targets that add nothing to it.
    pub override_params: Rc<[BodyEdit]>,
    pub limits: Vec<Scoped>,
    pub cache: Option<&'e CacheAsked>,
}

impl<'e> Inherited<'e> {
    fn over(mut self, entry: &'e Entry) -> Self {
        self.custom_host = entry.custom_host.as_deref().or(self.custom_host);
        self.retry = entry.retry.as_ref().or(self.retry);
        self.request_timeout = entry.request_timeout.or(self.request_timeout);
        self.timeouts = entry.timeouts.or(self.timeouts);
        self.strict_end = entry.strict_end.or(self.strict_end);
        self.hedge = entry.hedge.or(self.hedge);
        self.cache = entry.cache.as_ref().or(self.cache);
        self.forward_authorization = entry.forward_authorization.or(self.forward_authorization);
        let breaker = entry.strategy.as_ref().and_then(|it| it.breaker.as_ref());
        self.breaker = breaker.or(self.breaker);
        if !entry.override_params.is_empty() {
            let inner = entry.override_params.iter().cloned().collect();
            self.override_params = binding::merged(&self.override_params, &inner);
        }
        self
    }
}

struct Resolving<'a> {
    given: &'a Given<'a>,
    makers: Makers<'a>,
    nodes: Vec<Node>,
    limits: Vec<Scoped>,
    drafts: Vec<Draft>,
    notes: Vec<String>,
}

impl<'a> Resolving<'a> {
    fn node<'e>(
        &mut self,
        entry: &'e Entry,
        around: Inherited<'e>,
        path: String,
    ) -> Result<NodeId, GatewayError> {
        let mut here = around.over(entry);
        if here.override_params.len() > MOST_BODY_EDITS {
            let message = format!(
                "{path}.override_params: sets more than {MOST_BODY_EDITS} values with those it \
                 inherits"
            );
            return Err(GatewayError::new(Code::InvalidConfig, message));
        }
        if let Some(limit) = self.limit(entry, &path) {
            match path == ROOT && limit.limit.by != By::Origin {
                true => self.limits.push(limit),
                false => here.limits.push(limit),
            }
        }
        match entry.targets.is_empty() {
            true => self.leaf(entry, &here, &path),
            false => self.group(entry, here, &path),
        }
    }

    fn limit(&self, entry: &Entry, path: &str) -> Option<Scoped> {
        let limit = entry.rate_limit.clone()?;
        let below = path.strip_prefix(ROOT).unwrap_or(path);
        let scope = match self.given.named_by {
            NamedBy::Settings => Scope::Settings,
            NamedBy::Caller => Scope::Caller,
        };
        let root = self.given.place.unwrap_or(ROOT);
        let place = format!("{root}{below}.rate_limit");
        Some(Scoped::new(limit, scope, place))
    }

    fn group<'e>(
        &mut self,
        entry: &'e Entry,
        here: Inherited<'e>,
        path: &str,
    ) -> Result<NodeId, GatewayError> {
        self.note_what_is_in_vain(entry, path);
        let id = self.nodes.len();
        self.nodes.push(Node::Group {
            children: Box::default(),
            choice: Choice::Single,
        });
        let mut children = Vec::with_capacity(entry.targets.len());
        for (place, target) in entry.targets.iter().enumerate() {
            children.push(self.node(target, here.clone(), format!("{path}.targets[{place}]"))?);
        }
        self.nodes[id] = Node::Group {
            children: children.into(),
            choice: choice(entry, path),
        };
        Ok(id)
    }

    fn leaf(
        &mut self,
        entry: &Entry,
        here: &Inherited<'_>,
        path: &str,
    ) -> Result<NodeId, GatewayError> {
        let draft = Draft::of(entry, here, path, self.given, self.makers)?;
        self.nodes.push(Node::Target {
            target: self.drafts.len(),
            retry: draft.retry.clone(),
            hedge: draft.hedge,
        });
        self.drafts.push(draft);
        Ok(self.nodes.len() - 1)
    }

    fn note_what_is_in_vain(&mut self, entry: &Entry, path: &str) {
        let given = [
            ("provider", entry.provider.is_some()),
            ("api_key", entry.api_key.is_some()),
            ("auth", entry.auth.is_some()),
            ("credential", entry.credential.is_some()),
            ("headers", !entry.headers.is_empty()),
        ];
        for (key, _) in given.into_iter().filter(|(_, given)| *given) {
            let note = format!("{path}.{key} has no effect: targets do not inherit it");
            self.notes.push(note);
        }
    }
}

fn choice(entry: &Entry, path: &str) -> Choice {
    let Some(strategy) = &entry.strategy else {
        return Choice::Single;
    };
    match &strategy.mode {
        Mode::Single => Choice::Single,
        Mode::Fallback { on } => Choice::Fallback { on: on.clone() },
        Mode::LoadBalance { sticky } => Choice::LoadBalance {
            weights: entry
                .targets
                .iter()
                .map(|it| it.weight.unwrap_or(1.0))
                .collect(),
            sticky: sticky.clone(),
        },
        Mode::Conditional {
            conditions,
            default,
        } => Choice::Conditional {
            conditions: conditions.clone().into(),
            default: *default,
            path: path.into(),
        },
    }
}
