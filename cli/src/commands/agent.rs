//! `nexus agent build|publish|unlist|list|show`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use alloy::primitives::{Address, U256};
use anyhow::Context as _;
use bindings::AgentRegistry;
use clap::{Args, Subcommand};
use domain::{
    ids::{AgentId, ImageDigest},
    manifest::Manifest,
};
use serde::Serialize;

use crate::{
    agents::{self, AgentTable},
    args::Globals,
    chain::{Mined, send},
    context::Context,
    failure::Failure,
    images,
    keys::KeyArgs,
    money::{self, Wei},
    output::{Output, Report, fields},
    publish::{self, Published},
};

/// Builds, publishes and looks at agents.
#[derive(Debug, Subcommand)]
pub enum AgentCommand {
    /// Build an agent's image and print its digest
    Build(BuildArgs),
    /// List an agent for sale, or publish a new version of its listing
    Publish(PublishArgs),
    /// Take an agent off sale
    Unlist(UnlistArgs),
    /// List all agents
    List(ListArgs),
    /// Show one agent: price, limits, image
    Show(ShowArgs),
}

/// Arguments of `nexus agent build`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus agent build my-agent/

The folder holds manifest.json and a static program, named like the agent or `agent`. An agent
is a filter: standard input is the input, standard output the result, standard error the log,
exit code 0 success. For an image of another kind, build it with Docker and give its digest to
`nexus agent publish --image`.")]
pub struct BuildArgs {
    /// Folder of the agent
    pub path: PathBuf,
    /// The static program, when it is not in the folder
    #[arg(long, value_name = "FILE")]
    pub program: Option<PathBuf>,
}

/// Arguments of `nexus agent publish`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus agent publish my-agent/ --price 0.01 --account dev:publisher
  nexus agent publish my-agent/ --price 0.02 --agent 1 --account dev:publisher

Before it is listed, the image is checked with the local Docker Engine by the rules of keepers:
architecture, entry point, working directory, size, volumes, environment and limits.")]
pub struct PublishArgs {
    /// Folder of the agent, or its manifest file together with --image
    pub path: PathBuf,
    /// Price of one run, for example 0.01 (ether) or 500gwei
    #[arg(long, value_name = "AMOUNT", value_parser = money::parse)]
    pub price: U256,
    /// The static program, when it is not in the folder
    #[arg(long, value_name = "FILE", conflicts_with = "image")]
    pub program: Option<PathBuf>,
    /// Digest of an image that is already built, instead of building one
    #[arg(long, value_name = "sha256:HEX")]
    pub image: Option<ImageDigest>,
    /// Who is paid [default: the publisher]
    #[arg(long, value_name = "ADDRESS")]
    pub payee: Option<Address>,
    /// Seconds a run may take from purchase on [default: the manifest's limit]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub max_seconds: Option<u32>,
    /// Publish a new version of this agent instead of a new agent
    #[arg(long, value_name = "ID")]
    pub agent: Option<AgentId>,
    /// List the image without checking that the local engine could start it
    #[arg(long)]
    pub unchecked: bool,
    /// The publisher's key
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Arguments of `nexus agent unlist`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus agent unlist 1 --account dev:publisher")]
pub struct UnlistArgs {
    /// Number of the agent
    pub agent: AgentId,
    /// The publisher's key
    #[command(flatten)]
    pub keys: KeyArgs,
}

/// Arguments of `nexus agent list`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus agent list
  nexus --json agent list --all")]
pub struct ListArgs {
    /// Also show agents that are no longer for sale
    #[arg(long)]
    pub all: bool,
}

/// Arguments of `nexus agent show`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  nexus agent show 1")]
pub struct ShowArgs {
    /// Number of the agent
    pub agent: AgentId,
}

#[derive(Debug, Serialize)]
struct Built {
    image: ImageDigest,
    manifest: Manifest,
}

/// Runs an agent command.
pub async fn run(out: Output, globals: &Globals, command: AgentCommand) -> anyhow::Result<()> {
    if let AgentCommand::Build(args) = &command {
        let (manifest, image) = build(out, &args.path, args.program.as_deref()).await?;
        return out.result(&Built { image, manifest });
    }
    let context = Context::new(globals.clone())?;
    match command {
        AgentCommand::Build(_) => Ok(()),
        AgentCommand::Publish(args) => publish(&context, args).await,
        AgentCommand::Unlist(args) => unlist(&context, args).await,
        AgentCommand::List(args) => {
            let skipped =
                |id, error| context.out.warn(format!("agent {id} is not shown: {error:#}"));
            let mut found = agents::all(&context.reader().await?, skipped).await?;
            found.retain(|agent| args.all || agent.listed);
            context.out.result(&AgentTable(found))
        }
        AgentCommand::Show(args) => {
            context.out.result(&agents::read(&context.reader().await?, args.agent).await?)
        }
    }
}

async fn build(
    out: Output,
    folder: &Path,
    program: Option<&Path>,
) -> anyhow::Result<(Manifest, ImageDigest)> {
    let manifest = read_manifest(&folder.join("manifest.json"))?;
    let program = match program {
        Some(path) => path.to_owned(),
        None => images::program_in(folder, &manifest)?,
    };
    out.note(format!("Building the image of {} {}", manifest.name, manifest.version));
    let image = images::build(&program, &manifest).await?;
    Ok((manifest, image))
}

fn read_manifest(path: &Path) -> anyhow::Result<Manifest> {
    let bytes =
        fs::read(path).with_context(|| format!("reading the manifest {}", path.display()))?;
    Manifest::parse(&bytes)
        .map_err(|error| Failure::Refused(format!("{}: {error}", path.display())).into())
}

async fn publish(context: &Context, args: PublishArgs) -> anyhow::Result<()> {
    let chain = context.writer(&args.keys).await?;
    let (manifest, image) = match args.image {
        Some(image) if args.path.is_dir() => {
            (read_manifest(&args.path.join("manifest.json"))?, image)
        }
        Some(image) => (read_manifest(&args.path)?, image),
        None => build(context.out, &args.path, args.program.as_deref()).await?,
    };
    if !args.unchecked {
        publish::check_image(context.out, image, &manifest).await?;
    }
    let price = money::to_u96(args.price).ok_or_else(|| {
        Failure::Refused(format!("the price {} is too large", money::show(args.price)))
    })?;
    let listing = AgentRegistry::Listing {
        payee: args.payee.map_or_else(|| chain.user(), Ok)?,
        price,
        maxSeconds: args.max_seconds.unwrap_or(manifest.limits.seconds),
        imageDigest: image.0,
    };
    context.out.result(&publish::publish(&chain, &manifest, listing, args.agent).await?)
}

async fn unlist(context: &Context, args: UnlistArgs) -> anyhow::Result<()> {
    let chain = context.writer(&args.keys).await?;
    let receipt = send(&chain, chain.registry().unlist(args.agent.0), "unlisting").await?;
    context.out.result(&Unlisted { agent_id: args.agent, mined: Mined::from(&receipt) })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Unlisted {
    agent_id: AgentId,
    #[serde(flatten)]
    mined: Mined,
}

impl Report for Unlisted {
    fn human(&self) -> String {
        format!(
            "Agent {} is no longer for sale (transaction {})",
            self.agent_id, self.mined.transaction
        )
    }
}

impl Report for Built {
    fn human(&self) -> String {
        self.image.to_string()
    }
}

impl Report for Published {
    fn human(&self) -> String {
        fields(&[
            ("agent", self.agent_id.to_string()),
            ("version", self.version.to_string()),
            ("price", Wei(self.price.0).to_string()),
            ("image", self.image.to_string()),
            ("manifest hash", self.manifest_hash.to_string()),
            ("transaction", self.mined.transaction.to_string()),
        ])
    }
}
