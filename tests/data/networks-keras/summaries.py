"""Prints Keras's output shapes and parameter counts of the seeds' networks; the tests of crates/models/src/sentiment/network/config.rs hold them.

Run with KERAS_BACKEND=torch; needs keras 3 and torch. Made with keras 3.15.1.
"""
import keras

L = keras.layers


def model(words, steps, width, dropout, recurrent, dense):
    dense = [layer for units, rate in dense for layer in [L.Dense(units, activation="relu")] + ([L.Dropout(rate)] if rate else [])]
    return keras.Sequential([keras.Input((steps,)), L.Embedding(words, width), dropout, *recurrent, *dense, L.Dense(1, activation="sigmoid")])


def lstm(words, steps, width=512, units=(512,) * 3):
    recurrent = [L.LSTM(size, return_sequences=True) for size in units] + [L.GlobalMaxPooling1D()]
    return model(words, steps, width, L.Dropout(0.2), recurrent, [(64, 0), (32, 0.2), (16, 0)])


def bilstm(words, steps):
    recurrent = [L.Bidirectional(L.LSTM(size, return_sequences=size > 64)) for size in (256, 128, 64)]
    return model(words, steps, 256, L.SpatialDropout1D(0.2), recurrent, [(64, 0), (32, 0.5), (16, 0.5)])


def bigru(words, steps):
    recurrent = [L.Bidirectional(L.GRU(size, return_sequences=True)) for size in (256, 128, 64)] + [L.GlobalMaxPooling1D()]
    return model(words, steps, 256, L.SpatialDropout1D(0.2), recurrent, [(256, 0), (32, 0.5), (16, 0.5)])


for network in (lstm(17104, 61), bilstm(17104, 61), bigru(17104, 61), lstm(12505, 35, 256, (256,) * 4), bilstm(12505, 35), bigru(12505, 35)):
    for layer in network.layers:
        print(layer.__class__.__name__, tuple(layer.output.shape), layer.count_params())
    print("total", network.count_params())
