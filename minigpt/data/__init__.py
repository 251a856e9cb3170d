"""From text to batches: the data of MiniGPT.

texts ─▶ tokenizer ─▶ primary_file ─▶ data/tokenized_data.pt      once, by `python -m minigpt.data`

the data file ─▶ corpus ─▶ chunking ─▶ packed ─▶ dataset ─▶ loader ─▶ batches (B, T) of int64
                   └ token_ids: each row, checked                     in every training run
"""
