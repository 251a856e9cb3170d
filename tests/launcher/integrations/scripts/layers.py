"""A model of Keras, fitted twice. It knows nothing of the launcher."""

import argparse

import keras
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=2)
args = parser.parse_args()

x = np.linspace(0, 1, 32).reshape(32, 1)
model = keras.Sequential([keras.layers.Dense(1)])
model.compile(optimizer="sgd", loss="mse", metrics=["mae"])
model.fit(x, 2 * x, epochs=args.epochs, validation_data=(x, 2 * x), verbose=0)
if not model.stop_training:
    model.fit(x, 2 * x, epochs=2, verbose=0, callbacks=[keras.callbacks.TerminateOnNaN()])
print("stopped", model.stop_training)
