"""Loading: what is on disk comes out, what is not is drawn from the seed or refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from small_models import CONFIGS, WORDS, build, lock, saved

from benchbert.errors import LabelError, UnavailableError
from benchbert.lock import ModelLock
from benchbert.models.load import load_config, load_model, load_tokenizer

IDS = torch.tensor([[2, 5, 6, 7, 3], [2, 11, 12, 3, 0]])
ALL_HEADS = ("encoder", "classification", "regression", "span", "masked_lm")


def _rewrite_config(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize("kind", ["safetensors", "bin"])
@pytest.mark.parametrize("family", sorted(CONFIGS))
def test_round_trip(tmp_path: Path, family: str, kind: str) -> None:
    original = saved(tmp_path, family, kind=kind)
    loaded = load_model(lock(tmp_path, family=family), head="masked_lm")
    assert (loaded.format, loaded.fresh) == (kind, ())
    assert not loaded.model.training
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(IDS).logits, original(IDS).logits)


@pytest.mark.parametrize("family", sorted(CONFIGS))
@pytest.mark.parametrize("head", ALL_HEADS)
def test_every_head_on_every_family_keeps_the_encoder(tmp_path: Path, family: str, head: Any) -> None:
    original = saved(tmp_path, family)
    loaded = load_model(lock(tmp_path, family=family), head=head, labels=("no", "maybe", "yes"))
    encoder = loaded.model.base_model.state_dict()
    for name, value in original.base_model.state_dict().items():
        torch.testing.assert_close(encoder[name], value)
    with torch.no_grad():
        out = loaded.model(IDS)
    if head == "classification":
        assert out.logits.shape == (2, 3)
        assert loaded.model.config.id2label == {0: "no", 1: "maybe", 2: "yes"}
        assert loaded.model.config.label2id == {"no": 0, "maybe": 1, "yes": 2}
        assert any(name.startswith("classifier") for name in loaded.fresh)
    elif head == "regression":
        assert out.logits.shape == (2, 1)
        assert loaded.model.config.problem_type == "regression"
    elif head == "span":
        assert out.start_logits.shape == out.end_logits.shape == (2, 5)
    assert all("encoder" not in name and "embeddings" not in name for name in loaded.fresh)


def test_old_key_names_and_missing_prefixes_are_understood(tmp_path: Path) -> None:
    original = saved(tmp_path, "bert", "AutoModelForPreTraining")
    old = {"bert.embeddings.position_ids": torch.arange(32)[None]}
    for name, value in original.state_dict().items():
        old[name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")] = value
    (tmp_path / "model.safetensors").unlink()
    torch.save(old, tmp_path / "pytorch_model.bin", _use_new_zipfile_serialization=False)
    with torch.no_grad():
        expected = original.bert(IDS).last_hidden_state
        for head in ("encoder", "classification"):
            loaded = load_model(lock(tmp_path), head=head, labels=("a", "b"))
            torch.testing.assert_close(loaded.model.base_model(IDS).last_hidden_state, expected)
    bare = tmp_path / "bare"
    original.bert.save_pretrained(bare)
    headed = load_model(lock(bare), head="classification", labels=("a", "b"))
    torch.testing.assert_close(headed.model.base_model(IDS).last_hidden_state, expected)


def test_new_heads_come_from_the_seed_alone(tmp_path: Path) -> None:
    saved(tmp_path)
    torch.manual_seed(5)
    before = torch.get_rng_state()

    def head(seed: int) -> torch.Tensor:
        torch.rand(3)
        model = load_model(lock(tmp_path), head="classification", labels=("a", "b"), seed=seed).model
        weight: torch.Tensor = model.classifier.weight.detach()
        return weight

    first = head(1)
    torch.set_rng_state(before)
    assert torch.equal(first, head(1))
    assert not torch.equal(first, head(2))
    torch.set_rng_state(before)
    load_model(lock(tmp_path), head="classification", labels=("a", "b"))
    assert torch.equal(torch.get_rng_state(), before)


def test_random_weights_need_no_files_and_come_from_the_seed() -> None:
    random = lock(weights="random", config=CONFIGS["mobilebert"], family="mobilebert")
    first, again, other = (load_model(random, head="encoder", seed=seed) for seed in (3, 3, 4))
    name = "encoder.layer.0.attention.self.query.weight"
    assert first.format == "random"
    assert torch.equal(first.model.get_parameter(name), again.model.get_parameter(name))
    assert not torch.equal(first.model.get_parameter(name), other.model.get_parameter(name))
    half = load_model(random, head="encoder", seed=3, dtype="bfloat16").model
    assert torch.equal(half.get_parameter(name), first.model.get_parameter(name).bfloat16())
    assert not half.training


def test_a_fine_tuned_folder_overrides_random_weights(tmp_path: Path) -> None:
    random = lock(weights="random", config=CONFIGS["bert"])
    model = load_model(random, head="classification", labels=("a", "b"), seed=9).model
    model.save_pretrained(tmp_path)
    loaded = load_model(random, head="classification", folder=tmp_path)
    assert (loaded.format, loaded.fresh) == ("safetensors", ())
    assert loaded.model.config.id2label == {0: "a", 1: "b"}
    assert torch.equal(loaded.model.classifier.weight, model.classifier.weight)


def test_labels_of_the_lock_name_the_outputs_of_a_config_without(tmp_path: Path) -> None:
    build({**CONFIGS["bert"], "num_labels": 3}, "AutoModelForSequenceClassification").save_pretrained(tmp_path)
    loaded = load_model(lock(tmp_path, labels=("x", "y", "z")), head="classification")
    assert list(loaded.model.config.id2label.values()) == ["x", "y", "z"]
    assert loaded.fresh == ()
    span = load_model(lock(tmp_path), head="span")
    assert span.model.qa_outputs.out_features == 2


def test_a_head_of_another_size_is_drawn_anew_and_said(tmp_path: Path) -> None:
    build({**CONFIGS["bert"], "num_labels": 3}, "AutoModelForSequenceClassification").save_pretrained(tmp_path)
    loaded = load_model(lock(tmp_path), head="classification", labels=("a", "b"))
    assert loaded.fresh == ("classifier.bias", "classifier.weight")
    assert loaded.model.classifier.weight.shape == (2, 16)
    with pytest.raises(LabelError, match="must differ"):
        load_model(lock(tmp_path), head="classification", labels=("a", "a"))


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
def test_attention_is_the_one_asked_for(tmp_path: Path, attention: str) -> None:
    saved(tmp_path)
    _rewrite_config(tmp_path, attn_implementation="somebody/kernel", _attn_implementation="somebody/kernel")
    assert (
        load_model(lock(tmp_path), head="encoder", attention=attention).model.config._attn_implementation == attention
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 4}, r"the weights lack (bert\.)?encoder\.layer\.3"),
        ({"num_hidden_layers": 2}, "the weights hold, but config.json does not, "),
        ({"hidden_size": 32}, "the weights have in another size"),
        ({"vocab_size": 61}, "word_embeddings"),
        ({"hidden_size": 17}, "no model can be built"),
        ({"hidden_size": "many"}, "."),
        ({"num_hidden_layers": None}, "."),
        ({"model_type": "mystery"}, "never run"),
        ({"model_type": ["bert"]}, "never run"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
    ],
)
@pytest.mark.parametrize("head", ["encoder", "classification"])
def test_a_config_that_does_not_fit_is_refused(tmp_path: Path, head: Any, changes: Any, message: str) -> None:
    saved(tmp_path)
    _rewrite_config(tmp_path, **changes)
    with pytest.raises(UnavailableError, match=message) as caught:
        load_model(lock(tmp_path), head=head, labels=("a", "b"))
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '"bert"', "\xff\xfe", "[" * 100_000])
def test_a_damaged_config_is_refused(tmp_path: Path, text: str) -> None:
    saved(tmp_path)
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(UnavailableError, match=r"config\.json"):
        load_config(lock(tmp_path))


def test_a_config_without_model_type_takes_that_of_its_family(tmp_path: Path) -> None:
    saved(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    del values["model_type"]
    (tmp_path / "config.json").write_text(json.dumps(values))
    assert load_config(lock(tmp_path, family="tinybert")).model_type == "bert"
    with pytest.raises(UnavailableError, match="model_type"):
        load_config(lock(tmp_path, family=""))


def test_weights_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    saved(tmp_path)
    weights = load_file(tmp_path / "model.safetensors")
    weights["bert.encoder.layer.1.output.dense.bias"][3] = torch.nan
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UnavailableError, match=r"layer\.1\.output\.dense\.bias holds NaN"):
        load_model(lock(tmp_path), head="encoder")


def test_python_files_beside_the_weights_are_not_run(tmp_path: Path) -> None:
    original, trap = saved(tmp_path), tmp_path / "trap"
    (tmp_path / "code.py").write_text(f"open({str(trap)!r}, 'w')\n")
    auto_map = {"AutoConfig": "code.Config", "AutoModel": "code.Model", "AutoTokenizer": ["code.Slow", "code.Fast"]}
    _rewrite_config(tmp_path, auto_map=auto_map)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"auto_map": auto_map}))
    loaded = load_model(lock(tmp_path), head="encoder")
    torch.testing.assert_close(
        loaded.model.state_dict()["embeddings.LayerNorm.weight"], original.bert.embeddings.LayerNorm.weight
    )
    assert "auto_map" not in loaded.model.config.to_dict()
    assert load_tokenizer(lock(tmp_path)).tokenize("the cat") == ["the", "cat"]
    _rewrite_config(tmp_path, model_type="custom")
    with pytest.raises(UnavailableError, match="never run"):
        load_model(lock(tmp_path), head="encoder")
    assert not trap.exists()


@pytest.mark.parametrize("family", ["bert", "distilbert", "mobilebert"])
def test_tokenizer_from_a_vocabulary_alone(tmp_path: Path, family: str) -> None:
    saved(tmp_path, family)
    tokenizer = load_tokenizer(lock(tmp_path, family=family))
    encoded = tokenizer("The CATS sat", "on a mat")
    words = ["[CLS]", "the", "cat", "##s", "sat", "[SEP]", "on", "a", "mat", "[SEP]"]
    assert encoded["input_ids"] == [WORDS.index(word) for word in words]
    assert tokenizer.is_fast


def test_tokenizer_settings_and_saved_form_are_kept(tmp_path: Path) -> None:
    saved(tmp_path)
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"do_lower_case": False, "tokenizer_class": "BertTokenizer"})
    )
    cased = load_tokenizer(lock(tmp_path))
    assert cased.tokenize("The cat") == ["[UNK]", "cat"]
    again = tmp_path / "again"
    shutil.copytree(tmp_path, again, ignore=lambda *_: {"again", "vocab.txt", "tokenizer_config.json"})
    cased.save_pretrained(again)
    assert load_tokenizer(lock("nowhere"), folder=again).tokenize("The cat") == ["[UNK]", "cat"]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({}, "has no tokenizer"),
        ({"tokenizer.json": "{"}, "tokenizer cannot be read"),
        ({"vocab.txt": ""}, "."),
        ({"vocab.txt": "\n".join([*WORDS, *(f"w{i}" for i in range(60))])}, "do not belong together"),
    ],
)
def test_a_broken_tokenizer_is_refused(tmp_path: Path, files: dict[str, str], message: str) -> None:
    saved(tmp_path)
    (tmp_path / "vocab.txt").unlink()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(UnavailableError, match=message) as caught:
        load_tokenizer(lock(tmp_path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lock("/no/such/folder"), "there is no folder /no/such/folder"),
        (lock(weights="recipe", recipe="abc"), "recipe has not been carried out"),
        (lock(error="the mirror has no config.json"), "the mirror has no config.json"),
        (ModelLock(name="hub", family="bert", weights="published", hub_id="nobody/nothing"), "nobody/nothing"),
        (ModelLock(name="hub", family="bert", weights="published", hub_id="../../etc"), r"\.\./\.\./etc"),
    ],
)
def test_what_cannot_be_had_is_one_clear_line(model: ModelLock, message: str) -> None:
    for action in (load_config, load_tokenizer, lambda m: load_model(m, head="encoder")):
        with pytest.raises(UnavailableError, match=message) as caught:
            action(model)
        assert "\n" not in str(caught.value)


def test_random_weights_have_no_tokenizer() -> None:
    with pytest.raises(UnavailableError, match="random weights"):
        load_tokenizer(lock(weights="random", config=CONFIGS["bert"]))
