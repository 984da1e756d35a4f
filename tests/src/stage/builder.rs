//! Setting a stage up.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::group::{Group, Hook, Opens, Plan, Pool};
use super::imds::{HttpTokens, Metadata};
use super::instance::Instance;
use super::{Shared, Stage, cloudformation, line, serve};

/// How the instance comes into its group.
#[derive(Debug, Clone, Copy)]
enum Joins {
    NoGroup,
    Launched,
    Warmed,
    Later,
}

/// What a stage is built from: begin with [`Stage::builder`].
#[derive(Debug)]
pub struct Builder {
    instance: Instance,
    user_data: Option<Vec<u8>>,
    http_tokens: HttpTokens,
    token_life: Duration,
    plan: Plan,
    joins: Joins,
    stack: Option<(String, String)>,
    moto: Option<String>,
    metadata_at: SocketAddr,
    aws_at: SocketAddr,
}

impl Default for Builder {
    fn default() -> Self {
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            instance: Instance::default(),
            user_data: None,
            http_tokens: HttpTokens::Required,
            token_life: Duration::MAX,
            plan: Plan::default(),
            joins: Joins::NoGroup,
            stack: None,
            moto: None,
            metadata_at: any_port,
            aws_at: any_port,
        }
    }
}

impl Builder {
    /// Who the instance is.
    #[must_use]
    pub fn instance(mut self, instance: Instance) -> Self {
        self.instance = instance;
        self
    }

    /// What the launch template says.
    #[must_use]
    pub fn user_data(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.user_data = Some(bytes.into());
        self
    }

    /// Whether metadata asks for a token.
    #[must_use]
    pub const fn http_tokens(mut self, mode: HttpTokens) -> Self {
        self.http_tokens = mode;
        self
    }

    /// The longest that metadata lets a token live, whatever is asked for; EC2's six hours by default.
    #[must_use]
    pub const fn token_life(mut self, longest: Duration) -> Self {
        self.token_life = longest;
        self
    }

    /// Has a group launch the instance. Without it, it is in none.
    #[must_use]
    pub fn group(mut self, name: &str, hooks: impl Into<Vec<Hook>>) -> Self {
        name.clone_into(&mut self.plan.name);
        self.plan.hooks = hooks.into();
        self.joins = Joins::Launched;
        self
    }

    /// The group launches the instance into its warm pool.
    #[must_use]
    pub const fn warm(mut self, pool: Pool) -> Self {
        self.plan.pool = Some(pool);
        self.joins = Joins::Warmed;
        self
    }

    /// The instance is not in the group, until it is attached.
    #[must_use]
    pub const fn outside(mut self) -> Self {
        self.joins = Joins::Later;
        self
    }

    /// Changes anything else about the group: the times it takes, its warm pool.
    #[must_use]
    pub fn plan(mut self, change: impl FnOnce(&mut Plan)) -> Self {
        change(&mut self.plan);
        self
    }

    /// When the launch hooks open; at once by default.
    #[must_use]
    pub const fn opens(mut self, opens: Opens) -> Self {
        self.plan.opens = opens;
        self
    }

    /// A CloudFormation stack in this state; it takes signals in a `…_IN_PROGRESS` one.
    #[must_use]
    pub fn stack(mut self, name: &str, state: &str) -> Self {
        self.stack = Some((name.to_owned(), state.to_owned()));
        self
    }

    /// The moto server that plays the rest, such as `http://127.0.0.1:5000`.
    #[must_use]
    pub fn moto(mut self, url: &str) -> Self {
        self.moto = Some(url.to_owned());
        self
    }

    /// Where metadata listens: a free port of 127.0.0.1 by default, and the same port of ::1 beside it.
    #[must_use]
    pub const fn metadata_at(mut self, address: SocketAddr) -> Self {
        self.metadata_at = address;
        self
    }

    /// Where the control plane listens: a free port of 127.0.0.1 by default.
    #[must_use]
    pub const fn aws_at(mut self, address: SocketAddr) -> Self {
        self.aws_at = address;
        self
    }

    /// Opens the stage. It closes when the value is dropped.
    ///
    /// # Errors
    /// If an address can't be listened on.
    pub async fn open(self) -> anyhow::Result<Stage> {
        let opened = Instant::now();
        let group = joined(self.plan, &self.instance.id, self.joins, opened)?;
        let stack = self.stack.map(|(name, state)| cloudformation::Stack {
            name,
            state,
            signals: Vec::new(),
        });
        let shared = Arc::new(Shared {
            opened,
            metadata: Mutex::new(
                Metadata::new(&self.instance, self.http_tokens, self.user_data)
                    .token_life(self.token_life),
            ),
            me: self.instance,
            group: Mutex::new(group),
            stack: Mutex::new(stack),
            pinned_target: Mutex::new(false),
            orders: Mutex::default(),
            log: Mutex::default(),
            withheld: Notify::new(),
            moto: self.moto.map(|url| url.trim_end_matches('/').to_owned()),
            client: reqwest::Client::builder()
                .no_proxy()
                .build()
                .context("building the stage's HTTP client")?,
        });
        let mut servers = JoinSet::new();
        let metadata = listen(self.metadata_at).await?;
        let metadata_at = metadata.local_addr()?;
        let aws = listen(self.aws_at).await?;
        let aws_at = aws.local_addr()?;
        let metadata_front = Router::new()
            .fallback(serve::metadata)
            .with_state(Arc::clone(&shared));
        let aws_front = Router::new()
            .fallback(serve::aws)
            .with_state(Arc::clone(&shared));
        // ::1 is a second choice: a machine without IPv6 does without.
        let six = SocketAddr::from((Ipv6Addr::LOCALHOST, metadata_at.port()));
        let six = if metadata_at.ip().is_loopback() {
            listen(six).await.ok()
        } else {
            None
        };
        let metadata_six = six.as_ref().and_then(|listener| listener.local_addr().ok());
        for (listener, front) in [
            (Some(metadata), metadata_front.clone()),
            (six, metadata_front),
            (Some(aws), aws_front),
        ] {
            if let Some(listener) = listener {
                let service = front.into_make_service_with_connect_info::<line::Line>();
                servers.spawn(async move { axum::serve(line::Lines(listener), service).await });
            }
        }
        Ok(Stage {
            shared,
            metadata_at,
            metadata_six,
            aws_at,
            _servers: servers,
        })
    }
}

fn joined(plan: Plan, instance: &str, joins: Joins, now: Instant) -> anyhow::Result<Option<Group>> {
    let mut group = Group::new(plan, instance, now);
    match joins {
        Joins::NoGroup => return Ok(None),
        Joins::Launched => group.launch(now),
        Joins::Warmed => group.warm(now),
        Joins::Later => Ok(()),
    }
    .map_err(|refusal| anyhow::anyhow!("{refusal}"))?;
    Ok(Some(group))
}

async fn listen(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("listening on {address}"))
}
