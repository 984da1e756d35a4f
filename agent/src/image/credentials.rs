//! Credentials for registries: the spec's, or ECR's tokens by the instance's role.

use super::{
    error::ImageError,
    registry::{Registry, registry},
};
use crate::{
    aws::{self, CallError},
    context::Context,
};
use aws_sdk_ecr::Client;
use base64::{Engine, engine::general_purpose::STANDARD};
use bollard::auth::DockerCredentials;
use firstlight_userdata::{
    spec::{self, Resolved},
    value::ImageRef,
};
use std::{collections::BTreeMap, fmt};
use tokio::sync::Mutex;

const ACTION: &str = "ecr:GetAuthorizationToken";

/// Who we are to each registry. `Debug` shows no secret.
pub(super) struct Credentials<'a> {
    cx: &'a Context,
    named: &'a BTreeMap<String, spec::Registry<Resolved>>,
    /// ECR's tokens by region: one opens every registry of the region that the role may read. Locked
    /// while one is fetched, so that images of one region share the call.
    tokens: Mutex<BTreeMap<String, Token>>,
}

#[derive(Clone)]
struct Token {
    username: String,
    password: String,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

impl<'a> Credentials<'a> {
    pub(super) fn new(
        cx: &'a Context,
        named: &'a BTreeMap<String, spec::Registry<Resolved>>,
    ) -> Credentials<'a> {
        Credentials {
            cx,
            named,
            tokens: Mutex::default(),
        }
    }

    /// The credentials for an image's registry; `None`: anonymous. `fresh`: what was fetched before
    /// may have stopped working.
    pub(super) async fn of(
        &self,
        image: &ImageRef,
        fresh: bool,
    ) -> Result<Option<DockerCredentials>, ImageError> {
        let host = image.registry();
        if let Some(named) = self.named.get(host) {
            let (username, password) = (named.username.expose(), named.password.expose());
            return Ok(Some(credentials(host, username, password)));
        }
        match registry(host) {
            Registry::Other => Ok(None),
            Registry::Ecr { region } => {
                let token = self.token(image, region, fresh).await?;
                Ok(Some(credentials(host, &token.username, &token.password)))
            }
        }
    }

    async fn token(
        &self,
        image: &ImageRef,
        region: &str,
        fresh: bool,
    ) -> Result<Token, ImageError> {
        let mut tokens = self.tokens.lock().await;
        if !fresh && let Some(token) = tokens.get(region) {
            return Ok(token.clone());
        }
        let token = self.fetch(image, region).await?;
        tokens.insert(region.to_owned(), token.clone());
        Ok(token)
    }

    /// The client's region is the registry host's, and no registry ids are named: the one token
    /// opens every registry that the role may read, of other accounts too.
    async fn fetch(&self, image: &ImageRef, region: &str) -> Result<Token, ImageError> {
        let config = aws::in_region(&self.cx.aws, Some(region));
        let output = Client::new(&config)
            .get_authorization_token()
            .send()
            .await
            .map_err(|error| ImageError::token(image, CallError::new(ACTION, &config, &error)))?;
        output
            .authorization_data()
            .first()
            .and_then(|data| data.authorization_token())
            .and_then(decode)
            .ok_or_else(|| ImageError::token(image, CallError::cut_off(ACTION, &config)))
    }
}

/// `user:password` in base64, as ECR answers.
fn decode(token: &str) -> Option<Token> {
    let text = String::from_utf8(STANDARD.decode(token).ok()?).ok()?;
    let (username, password) = text.split_once(':')?;
    Some(Token {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}

fn credentials(host: &str, username: &str, password: &str) -> DockerCredentials {
    DockerCredentials {
        username: Some(username.to_owned()),
        password: Some(password.to_owned()),
        // Docker Hub's own name for itself, which the engine compares with.
        serveraddress: Some(match host {
            "docker.io" => "https://index.docker.io/v1/".to_owned(),
            host => host.to_owned(),
        }),
        ..DockerCredentials::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        for (text, want) in [
            ("AWS:secret", Some(("AWS", "secret"))),
            ("AWS:with:colon", Some(("AWS", "with:colon"))),
            ("nothing", None),
        ] {
            let token = decode(&STANDARD.encode(text));
            let got = token
                .as_ref()
                .map(|token| (token.username.as_str(), token.password.as_str()));
            assert_eq!(got, want);
        }
        assert!(decode("%").is_none());
    }
}
