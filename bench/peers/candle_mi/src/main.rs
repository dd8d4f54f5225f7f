//! candle-mi as a worker of the task benchmark: the same lines in and out as worker.py.
use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use candle_core::{DType, Device, IndexOp, Tensor};
use candle_mi::{GenericTransformer, HookPoint, HookSpec, MIModel, MITokenizer, TransformerConfig};
use serde_json::{json, Value};

type Failure = Box<dyn std::error::Error>;

enum Answer {
    Floats(Tensor),
    Ids(Vec<u32>),
    Captured,
    Unsupported(&'static str),
}

fn load(folder: &Path) -> Result<MIModel, Failure> {
    let config: Value = serde_json::from_str(&std::fs::read_to_string(folder.join("config.json"))?)?;
    let config = TransformerConfig::from_hf_config(&config)?;
    let weights = folder.join("model.safetensors");
    // Safe as long as nobody shortens the file meanwhile; the benchmark made it and owns it.
    let vars = unsafe {
        candle_nn::VarBuilder::from_mmaped_safetensors(&[weights], DType::F32, &Device::Cpu)?
    };
    let transformer = GenericTransformer::load(config, &Device::Cpu, DType::F32, vars)?;
    let tokenizer = folder.join("tokenizer.json");
    let tokenizer = if tokenizer.exists() { Some(MITokenizer::from_hf_path(tokenizer)?) } else { None };
    Ok(MIModel::with_tokenizer(Box::new(transformer), Device::Cpu, tokenizer))
}

fn input(tokens: &[u32]) -> Result<Tensor, Failure> {
    Ok(Tensor::new(tokens, &Device::Cpu)?.unsqueeze(0)?)
}

fn residuals(layers: usize) -> HookSpec {
    let mut hooks = HookSpec::new();
    for layer in 0..layers {
        hooks.capture(HookPoint::ResidPost(layer));
    }
    hooks
}

fn everything(layers: usize) -> HookSpec {
    let mut hooks = HookSpec::new();
    hooks.capture(HookPoint::Embed).capture(HookPoint::FinalNorm);
    for layer in 0..layers {
        for point in [
            HookPoint::ResidPre, HookPoint::AttnQ, HookPoint::AttnK, HookPoint::AttnV,
            HookPoint::AttnScores, HookPoint::AttnPattern, HookPoint::AttnOut, HookPoint::ResidMid,
            HookPoint::MlpPre, HookPoint::MlpPost, HookPoint::MlpOut, HookPoint::ResidPost,
        ] {
            hooks.capture(point(layer));
        }
    }
    hooks
}

fn argmax(row: &Tensor) -> Result<u32, Failure> {
    Ok(row.argmax(0)?.to_scalar::<u32>()?)
}

fn run(model: &MIModel, task: &Value) -> Result<Answer, Failure> {
    let tokens: Vec<u32> = task["tokens"]
        .as_array()
        .map(|ids| ids.iter().filter_map(|id| id.as_u64().map(|id| id as u32)).collect())
        .unwrap_or_default();
    let layers = model.num_layers();
    let last_only = task["rows"] == "last";
    match task["kind"].as_str().unwrap_or("") {
        "forward" => {
            let cache = model.forward(&input(&tokens)?, &HookSpec::new())?;
            let logits = cache.output().i(0)?;
            Ok(Answer::Floats(if last_only { logits.i(tokens.len() - 1..)? } else { logits }))
        }
        "capture" => {
            let hooks = if task["what"] == "residuals" { residuals(layers) } else { everything(layers) };
            let cache = model.forward(&input(&tokens)?, &hooks)?;
            if cache.num_captures() != hooks.num_captures() {
                return Err(format!("{} captured, expected {}", cache.num_captures(), hooks.num_captures()).into());
            }
            Ok(Answer::Captured)
        }
        "lens" => {
            let cache = model.forward(&input(&tokens)?, &residuals(layers))?;
            let mut logits = Vec::new();
            for layer in 0..layers {
                let rows = cache.require(&HookPoint::ResidPost(layer))?.i(0)?;
                let rows = if last_only { rows.i(tokens.len() - 1..)? } else { rows };
                logits.push(model.project_to_vocab(&rows)?);
            }
            Ok(Answer::Floats(Tensor::cat(&logits, 0)?))
        }
        "decode" if task["edit"].is_null() => {
            // The crate keeps no keys and values between steps: its own example runs the whole sequence each time.
            let mut all = tokens.clone();
            for _ in 0..task["count"].as_u64().unwrap_or(0) {
                let cache = model.forward(&input(&all)?, &HookSpec::new())?;
                all.push(argmax(&cache.output().i((0, all.len() - 1))?)?);
            }
            Ok(Answer::Ids(all.split_off(tokens.len())))
        }
        "decode" | "edit" => Ok(Answer::Unsupported("its interventions have no head")),
        "tokenise" => {
            let text = std::fs::read_to_string(task["text"].as_str().unwrap_or(""))?;
            let tokenizer = model.tokenizer().ok_or("no tokenizer")?;
            Ok(Answer::Ids(tokenizer.encode_raw(&text)?))
        }
        _ => Ok(Answer::Unsupported("unknown task")),
    }
}

/// Little-endian f32 or u32, as worker.py writes them.
fn save(answer: &Answer, path: &str) -> Result<(), Failure> {
    let bytes: Vec<u8> = match answer {
        Answer::Floats(values) => values.flatten_all()?.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(),
        Answer::Ids(ids) => ids.iter().flat_map(|id| id.to_le_bytes()).collect(),
        _ => Vec::new(),
    };
    Ok(std::fs::write(path, bytes)?)
}

fn answer(model: &mut Option<MIModel>, request: &Value) -> Result<Value, Failure> {
    match request["op"].as_str().unwrap_or("") {
        "info" => Ok(json!({"version": "0.1.12"})),
        "load" => {
            *model = None;
            let begin = Instant::now();
            *model = Some(load(Path::new(request["path"].as_str().unwrap_or("")))?);
            Ok(json!({"ms": [begin.elapsed().as_secs_f64() * 1e3]}))
        }
        "run" => {
            let model = model.as_ref().ok_or("no model is loaded")?;
            let warm = request["warm"].as_u64().unwrap_or(0);
            let mut times = Vec::new();
            for i in 0..warm + request["repeat"].as_u64().unwrap_or(1) {
                let begin = Instant::now();
                let result = run(model, &request["task"])?;
                let elapsed = begin.elapsed().as_secs_f64() * 1e3;
                if let Answer::Unsupported(why) = result {
                    return Ok(json!({"unsupported": why}));
                }
                if let Some(path) = request["out"].as_str() {
                    save(&result, path)?;
                }
                if i >= warm {
                    times.push(elapsed);
                }
            }
            Ok(json!({"ms": times}))
        }
        other => Err(format!("op '{other}', expected info, load or run").into()),
    }
}

fn main() -> Result<(), Failure> {
    let mut model = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let reply = answer(&mut model, &request).unwrap_or_else(|e| json!({"error": e.to_string()}));
        println!("{reply}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
