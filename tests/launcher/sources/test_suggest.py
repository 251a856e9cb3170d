"""Templates that are suggested for lines of well-known shapes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from launcher.sources.suggest import suggest, suggest_beside
from launcher.sources.template import Template

SUGGESTED = [
    ("iter 10: loss 4.1250, time 31.42ms, mfu 1.20%", "iter {step}: loss {loss}, time {}ms, mfu {mfu}"),
    ("step 250: train loss 2.50, val loss 2.65", "step {step}: train loss {train_loss}, val loss {val_loss}"),
    ("Train Epoch: 1 [256/1280 (20%)]\tLoss: 2.28", "Train Epoch: {epoch} [{}/{} ({}%)] Loss: {loss}"),
    (
        "Test set: Average loss: 0.05, Accuracy: 98/100 (98%)",
        "Test set: Average loss: {test_loss}, Accuracy: {test_accuracy}",
    ),
    (
        "| epoch   1 |   20/ 298 batches | lr 20.00 | loss  7.63",
        "epoch {epoch} | {}/ {} batches | lr {lr} | loss {loss}",
    ),
    (
        "| end of epoch   1 | time: 30.1s | valid loss  5.63 |",
        "end of epoch {epoch} | time: {}s | valid loss {valid_loss}",
    ),
    ("{'loss': '5.887', 'epoch': '0.13'}", "'loss': '{loss}', 'epoch': '{epoch}'"),
    ("{'eval_loss': 3.1, 'epoch': 1.0}", "'eval_loss': {eval_loss}, 'epoch': {epoch}"),
    ("Epoch 1:  20%|██   | 2/10 [00:01<00:04,  1.9it/s, loss=0.5]", "loss={loss}"),
    ("16/16 ━━━━━━ 0s 3ms/step - accuracy: 0.91 - loss: 0.30", "accuracy: {accuracy} - loss: {loss}"),
    ("Epoch [1/5], Step [100/600], Loss: 0.25", "Epoch [{epoch}/{}], Step [{step}/{}], Loss: {loss}"),
    ("2026-11-26 23:45:57,12 INFO step 10: loss=0.3, lr=1e-05", "INFO step {step}: loss={loss}, lr={lr}"),
    ("val: step 10 loss nan acc 0.5", "val: step {step} loss {val_loss} acc {val_acc}"),
    ("train: loss 0.1 val: loss 0.2", "train: loss {train_loss} val: loss {val_loss}"),
    ("step 3: n=4.5, {kind=2}", "step {step}: n={n_}, {{kind={kind_}"),
    (
        "Epoch: [0][  10/50]\tLoss 6.9e+00 (7.0e+00)\tAcc@1   0.00",
        "Epoch: [{epoch}][ {}/{}] Loss {loss} ({}) Acc@1 {acc_1}",
    ),
    (
        "Test: [ 10/500]\tLoss 6.9e+00 (7.0e+00)\tAcc@1   0.00",
        "Test: [ {}/{}] Loss {test_loss} ({}) Acc@1 {test_acc_1}",
    ),
    ("Train: 0 [  50/99 ( 51%)]  Loss: 2.30 (2.30)  LR: 1e-05", "Train: {} [ {}/{} ( {}%)] Loss: {loss} ({}) LR: {lr}"),
    (
        "epoch 1: loss=18.1, ppl=232,148.1, wps=57,012, ups=2.7",
        "epoch {epoch}: loss={loss}, ppl={ppl}, wps={wps}, ups={ups}",
    ),
    ("step 12,000: loss 0.5", "step {step}: loss {loss}"),
    ("{'epoch': 0, 'loss': np.float64(2.3)}", "'epoch': {epoch}, 'loss': np.float64({loss}"),
    ("epoch 1 loss: tensor(0.69, device='cuda:0', grad_fn=<X0>)", "epoch {epoch} loss: tensor({loss}"),
    (
        "Episode 10\tLast reward: 30.00\tAverage reward: 15.00",
        "Episode {step} Last reward: {reward} Average reward: {average_reward}",
    ),
    ("[1]\tt's logloss: 2.0\tvalid_1's logloss: 2.5", "logloss: {logloss} valid_{}'s logloss: {valid_1_logloss}"),
    ("INFO [train.py:42] epoch 1: loss=0.5", "epoch {epoch}: loss={loss}"),
    ("INFO | __main__:run:42 - epoch=1 loss=0.5", "epoch={epoch} loss={loss}"),
    ("epoch\uff1a1\uff0closs\uff1a0.5", "epoch\uff1a{epoch}\uff0closs\uff1a{loss}"),
    (
        "step 10 | batch_size 32 | tok/s 1000.5 | mem 3.2",
        "step {step} | batch_size {} | tok/s {tok_s} | mem {mem}",
    ),
    ("step: 5, num_workers: 4, throughput: 2.5", "step: {step}, num_workers: {}, throughput: {throughput}"),
    ("epoch 5 lr 0.1 batch_size: 32", "epoch {epoch} lr {lr}"),
    ("lr: 0.1 batch_size: 32 loss: 0.5", "lr: {lr} batch_size: {} loss: {loss}"),
]


@pytest.mark.parametrize(("line", "template"), SUGGESTED)
def test_a_line_of_metrics_gets_a_template_that_finds_them(line: str, template: str) -> None:
    assert suggest(line.encode()) == template
    assert Template(template).find(line.encode()) is not None


@pytest.mark.parametrize(
    "line",
    [
        "",
        "hello",
        "number of parameters: 10.65M",
        "step 5 of 100 done",
        "Epoch 1/3",
        "tokens per iteration will be: 16,384",
        "loading batch 3 from /data/1.pt",
        "2026-11-26 23:45:57 started",
        '  File "train.py", line 10, in <module>',
        "x" * 3000,
        "\ufffd step 1 loss: 0.5"[:8],
        "learning: fast",
        "`Trainer.fit` stopped: `max_epochs=4` reached.",
        "Epoch 3/3  ━━━━━━━━━ 20/20 0:00:00 • 0:00:00 199.58it/s v_num: 0",
        "iterations: 500, batch_size: 32, seed: 1, lr decay step: 30",
        "batch: 32, epochs: 3, lr: 0.1",
        "elapsed: 00:31:10",
        "Namespace(lr=0.1, epochs=3, loss_weight=0.2)",
        "TrainConfig(lr=0.1, dropout=0.2)",
        "{'optim': {'lr': 0.001}, 'epochs': 3}",
    ],
)
def test_a_line_without_metrics_gets_none(line: str) -> None:
    assert suggest(line.encode()) is None


def test_an_average_is_called_so_where_other_lines_have_the_name() -> None:
    line = b"Accuracy: 60.0%, Avg loss: 2.305705"
    assert suggest_beside(line, set()) == suggest(line) == "Accuracy: {accuracy}%, Avg loss: {loss}"
    assert suggest_beside(line, {"accuracy"}) == suggest(line), "which is not about the loss"
    assert suggest_beside(line, {"loss"}) == "Accuracy: {accuracy}%, Avg loss: {avg_loss}"
    assert suggest_beside(b"step 3: loss 0.5", {"loss"}) == "step {step}: loss {loss}"
    assert suggest_beside(b"nothing", {"loss"}) is None


@given(st.binary(max_size=200), st.text(max_size=100))
def test_any_line_is_read_or_passed_over(line: bytes, text: str) -> None:
    for each in (line, b"step 1 " + line + b" loss: 0.5", text.encode() + b" acc=3", f"{{'loss': 1, {text}}}".encode()):
        template = suggest(each)
        assert template is None or Template(template).find(each) is not None
