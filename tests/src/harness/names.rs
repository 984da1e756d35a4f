//! Names that nobody else on the engine has, and tidying up what was made under them.

use std::sync::{Mutex, PoisonError};

use crate::parts::engine::Engine;

/// Service names of one scenario. A container's name is its service's, so scenarios that share an engine need their own.
#[derive(Debug)]
pub struct Names {
    suffix: String,
    engine: Option<String>,
    containers: Mutex<Vec<String>>,
    volumes: Mutex<Vec<String>>,
    registries: Mutex<Vec<String>>,
}

impl Default for Names {
    fn default() -> Self {
        Self::new()
    }
}

impl Names {
    /// A new lot.
    #[must_use]
    pub fn new() -> Self {
        // A letter of our own first: no number in YAML, and no parameter that Parameter Store keeps for `aws` or `ssm`.
        let suffix = std::iter::once('x')
            .chain(std::iter::repeat_with(fastrand::alphanumeric).take(8))
            .collect::<String>()
            .to_lowercase();
        Self {
            suffix,
            engine: None,
            containers: Mutex::default(),
            volumes: Mutex::default(),
            registries: Mutex::default(),
        }
    }

    /// The same, for the engine at this address.
    #[must_use]
    pub fn on(mut self, engine: &str) -> Self {
        self.engine = Some(engine.to_owned());
        self
    }

    /// A name that begins with `stem`; the same stem gives the same name.
    #[must_use]
    pub fn unique(&self, stem: &str) -> String {
        self.kept(&self.containers, stem)
    }

    /// The same for a named volume.
    #[must_use]
    pub fn volume(&self, stem: &str) -> String {
        self.kept(&self.volumes, stem)
    }

    fn kept(&self, list: &Mutex<Vec<String>>, stem: &str) -> String {
        let name = format!("{stem}-{}", self.suffix);
        let mut list = list.lock().unwrap_or_else(PoisonError::into_inner);
        if !list.contains(&name) {
            list.push(name.clone());
        }
        name
    }

    /// What all its names end in, to tell other things of this scenario apart with.
    #[must_use]
    pub fn suffix(&self) -> &str {
        &self.suffix
    }

    /// Has the images pulled from this registry or proxy (`host:port`), or from a folder there (`host:port/folder`),
    /// removed too.
    pub fn images_of(&self, host: &str) {
        self.registries
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(host.to_owned());
    }

    /// Removes the containers, volumes and images now.
    ///
    /// # Errors
    /// If the engine refuses.
    pub async fn tidy(&self, engine: &Engine) -> anyhow::Result<()> {
        let take = |list: &Mutex<Vec<String>>| {
            std::mem::take(&mut *list.lock().unwrap_or_else(PoisonError::into_inner))
        };
        for name in take(&self.containers) {
            engine.remove(&name).await?;
        }
        for name in take(&self.volumes) {
            engine.remove_volume(&name).await?;
        }
        for host in take(&self.registries) {
            engine.remove_images_of(&host).await?;
        }
        Ok(())
    }
}

impl Drop for Names {
    fn drop(&mut self) {
        let this = &*self;
        // A destructor can't wait on the runtime it is dropped in, so it brings its own.
        std::thread::scope(|scope| {
            scope.spawn(move || {
                let Ok(runtime) = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                else {
                    return;
                };
                runtime.block_on(async {
                    let tidied = async {
                        let engine = match &this.engine {
                            Some(address) => Engine::at(address).await?,
                            None => Engine::connect().await?,
                        };
                        this.tidy(&engine).await
                    };
                    let tidied = tidied.await;
                    if let Err(error) = tidied {
                        eprintln!("tidying up: {error:#}");
                    }
                });
            });
        });
    }
}
