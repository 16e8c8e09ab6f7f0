"""What must be known to read each part of accuracy.md."""

SIMULATED = (
    "The data are simulated: the paper's figures are for real data, and are here for orientation."
)
ACCURACY = (
    "Percent of the test set, ± the standard deviation where seeds were collected. `*`: further"
    " from the paper than a point and than two standard deviations."
)
SWEEP = (
    "Of each embedding **→** marks the setting of the best noise-free accuracy on validation: the other tables and the"
    " figures show that one, results.json holds all. Percent, ± the standard deviation over seeds; privacy is rank / K"
    " at the operating noise σ."
)
LEFT_OUT = "Left out, as they failed or have not run yet: {}."
SETTINGS = (
    "Contrastive weight and margin of each layer, as the config has them; `--mode=tune` chooses them"
    " on validation."
)
OPERATING = (
    "Noise-free → at the operating noise σ, the largest of the grid whose validation accuracy is"
    " within {:g} points of the noise-free one. Percent; privacy is rank / K, a column for each"
    " gallery that the adversary may hold."
)
EQUAL_PRIVACY = (
    "Advanced − noisy reduced in points (advanced / noisy reduced in percent), interpolated;"
    " – where one of them does not reach that privacy. In the middle: of what both reach."
)
BEYOND = (
    "The adversary of unseen data. An index of 1 is chance, 0 certainty. A feature that serves the task"
    " tells at least what the classifier's prediction on it tells; what it tells beyond that is avoidable."
)
UNPLANNED = (
    "Privacy index (1: chance) of thirds of the people, for people the adversary never met"
    " (`leave_group_out`), at the operating noise; [95 % interval] of a bootstrap over people."
)
GUARANTEE = (
    "Features are clipped, so that one upload is mu = 2 C / σ Gaussian differentially private: how hardly"
    " anybody, whatever they know, tells which feature it came from. It says nothing of how many uploads"
    " there are (n of them: mu times the root of n), nor of the data that the network was trained on."
)
ATTACK = (
    "Balanced accuracy in percent (chance {chance}) of attackers who hold {held}, fitted on {fits} samples at most,"
    " with settings chosen on samples of their own; tried on the second half of each test recording, or of each"
    " person's images; noisy methods at their operating noise. The best is the best on the test: it favours the"
    " attacker. Any data: the best whatever data of these people the attacker holds. Prediction, label: what the"
    " classifier's prediction, and the true primary label, tell alone. Bound: the Bayes adversary who knows every"
    " tried sample's own feature (gallery `self`); ⚑ would mark an attack above it."
)
BEST = (
    "[95 % interval] of a bootstrap over people. Balanced accuracy, F1 and AUC are means over classes. Samples: that"
    " the attacker was fitted on; its settings were chosen by others that it holds."
)
ORDERINGS = (
    "Higher layers leak less, Siamese less than simple, reduced less than its parent; points where they do not."
    " Strangers: the attacker holds nothing of the people it is asked about."
)
HOLDINGS = (
    "The best attacker of each. Strangers: the attacker holds nothing of the people it is asked about (fewer attackers"
    " are tried; last, what the same ones get with unseen data of these people). All samples: without the limit on what"
    " they are fitted on."
)
PATIENCE = (
    "Balanced accuracy of the best attacker when the log-probabilities of n samples of one person, none"
    " overlapping, are added."
)
REBUILT = (
    "A decoder from the upload back to the input, tried on inputs that it was not trained on. Chance: for who always"
    " answers with the mean. Found again: the person by a classifier that was trained on raw inputs; where that has"
    " never met them, by what is nearest to it among the originals (image) or other inputs of those people (person)."
)
AREA = (
    "Advanced − noisy reduced (advanced / noisy reduced), over the range that both reach, which"
    " is another one for each layer."
)
DEVICE = (
    "Each run is a process of its own. Median over runs, ± their standard deviation. Load: opening the file and making"
    " it ready. Of the inferences of a run: the first, and median, 90th percentile or mean of those after it. Memory:"
    " the peak above that of the interpreter without a model. Uplink: a query's exclusive feature in float32;"
    " on-premise uploads nothing."
)
