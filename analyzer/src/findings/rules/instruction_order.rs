//! B23: instructions in an order that caches badly.

use crate::findings::{
    About, Confidence, Hits, Level, Rule, Told,
    live::{Advisory, Whole},
};

/// B23.
pub(in crate::findings) struct InstructionOrder;

impl Rule for InstructionOrder {
    fn about(&self) -> &'static About {
        &About {
            id: "B23",
            name: "instruction-order",
            title: "Dependencies that are installed after the whole context was copied",
            explanation: "A step is made again when a step before it changed. A COPY of the whole context changes with \
                          every file, so that what comes after it is made, pushed and pulled anew each time.",
            detection: "A RUN that installs dependencies (npm, yarn, pnpm, pip, poetry, uv, bundle, composer, go mod, \
                        cargo fetch, mvn dependency, apt, apk, dnf), after a COPY or ADD of `.` in the same image. The \
                        bytes are those of its layer; where the history has times, it is said how long the step took.",
            fix: "COPY the lists of dependencies alone first (`package.json` and its lock file, `requirements.txt`, \
                  `go.mod`), install, and COPY the rest after that. Packages of the system need nothing of the \
                  context: install them first of all.",
            kinds: &[("dependencies", "of the program"), ("system", "of the system")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        let took = told.seconds().map_or_else(String::new, |seconds| format!(", which took {seconds:.0} s"));
        format!(
            "{} installs {} after the whole context was copied{took}: every change of a file makes its {} again",
            told.creator(),
            if told.kind() == "system" { "packages" } else { "dependencies" },
            told.bytes()
        )
    }
}

/// Words of commands that install what a program needs.
const DEPENDENCIES: &[&str] = &[
    "npm ci",
    "npm install",
    "npm i ",
    "yarn install",
    "yarn --frozen",
    "pnpm install",
    "pnpm i ",
    "bun install",
    "pip install -r",
    "pip3 install -r",
    "pip install --no-cache-dir -r",
    "pip3 install --no-cache-dir -r",
    "poetry install",
    "uv sync",
    "pipenv install",
    "bundle install",
    "composer install",
    "go mod download",
    "cargo fetch",
    "mvn dependency",
    "dotnet restore",
    "mix deps.get",
];
/// Words of commands that install packages of the system.
const SYSTEM: &[&str] =
    &["apt-get install", "apt install", "apk add", "dnf install", "yum install", "microdnf install", "zypper install"];

impl Advisory for InstructionOrder {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let subject = whole.subject;
        let mut is_copied = false;
        for layer in subject.base_layers..subject.layers.len() {
            let text = subject.instruction(layer).unwrap_or_default();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            is_copied |= copies_all(&text);
            // the words of a COPY are no commands
            if !is_copied || text.starts_with("COPY ") || text.starts_with("ADD ") {
                continue;
            }
            let has = |commands: &[&str]| commands.iter().any(|command| text.contains(command));
            let kind = match (has(DEPENDENCIES), has(SYSTEM)) {
                (true, _) => "dependencies",
                (_, true) => "system",
                _ => continue,
            };
            hits.add_layer(&InstructionOrder, kind, layer, subject.layers[layer].size_bytes);
        }
    }
}

/// Whether an instruction copies the whole context: its only source is `.`.
fn copies_all(text: &str) -> bool {
    let text = text.split("#(nop)").last().unwrap_or_default().trim_start();
    let Some(words) = text.strip_prefix("COPY ").or_else(|| text.strip_prefix("ADD ")) else {
        return false;
    };
    let words: Vec<&str> = words.split(' ').collect();
    let from_stage = words.iter().any(|word| word.starts_with("--from"));
    let source = words.iter().find(|word| !word.starts_with("--"));
    !from_stage && source.is_some_and(|source| matches!(*source, "." | "./"))
}
