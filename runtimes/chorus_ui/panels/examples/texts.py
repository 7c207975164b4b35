"""Texts to try, in several languages; a row has values for the inputs of a tab, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

Rows = Sequence[Sequence[Any]]

OPINIONS: Final[Rows] = (
    ["The crew was kind and the view was breathtaking 👏"],
    ["Das Essen kam kalt, und niemand hat sich entschuldigt."],
    ["यह किताब मुझे बहुत पसंद आई।"],
    ["لم يصل الطرد حتى الآن، وأنا غاضب."],
    ["这家店的服务真不错，下次还来。"],
)
NAMES: Final[Rows] = (
    ["Marie Curie left Warsaw for Paris in 1891 and taught at the Sorbonne."],
    ["Angela Merkel sprach in Hamburg mit Vertretern von Airbus."],
    ["A 54-year-old woman had chest pain for two days and was given 300 mg aspirin."],
    ["東京の本社で田中さんがソニーの新製品を紹介しました。"],
)
TOPICS: Final[Rows] = (
    [
        "The parliament voted on a new tax for sugary drinks.",
        "politics, sport, health, music",
        True,
    ],
    ["Die Wanderer kehrten vor dem Gewitter um.", "Wetter, Küche, Sport, Technik", True],
    ["My parcel is damaged and I want my money back.", "refund, praise, question", False],
)
GAPS: Final[Rows] = (
    ["The capital of France is __."],
    ["Every morning she drinks a cup of __."],
    ["Paris est la __ de la France."],
)
QUESTIONS: Final[Rows] = (
    [
        "When was the lighthouse built?",
        "The lighthouse above the harbour was built in 1873 by the engineer Ada Holm. "
        "Since 1998 it runs without a keeper.",
    ],
    [
        "Wer hat den Leuchtturm gebaut?",
        "Der Leuchtturm über dem Hafen wurde 1873 von der Ingenieurin Ada Holm gebaut. "
        "Seit 1998 arbeitet er ohne Wärter.",
    ],
)
CITIES: Final = {
    "headers": ["City", "Country", "Inhabitants"],
    "data": [
        ["Bergen", "Norway", "291940"],
        ["Ghent", "Belgium", "265086"],
        ["Porto", "Portugal", "231962"],
        ["Graz", "Austria", "292630"],
    ],
}
ABOUT_TABLES: Final[Rows] = (
    ["How many inhabitants does Ghent have?", CITIES],
    ["Which city is in Portugal?", CITIES],
)
SENTENCES: Final[Rows] = (
    ["The ferry leaves at half past nine."],
    ["Die Fähre legt um halb zehn ab."],
    ["Le bateau part à neuf heures et demie."],
    ["渡轮九点半开。"],
)
SPOKEN: Final = SENTENCES[:3]  # in letters that a voice of the West can read
PARAPHRASES: Final[Rows] = (
    [
        "The ferry leaves at half past nine.",
        "Die Fähre legt um halb zehn ab.\nOur boat departs at 9:30.\n"
        "She bought three tickets.\nThe recipe needs more salt.",
    ],
    [
        "How do I change my password?",
        "I forgot my login, what now?\nWhere can I set a new password?\nAre you open on Sunday?",
    ],
)
SEARCHES: Final[Rows] = (
    [
        "How long do I boil an egg?",
        "A soft egg needs four minutes in boiling water.\nHens lay most eggs in spring.\n"
        "Boil water before you drink it.",
    ],
    [
        "Wie spät fährt die letzte Bahn?",
        "Der letzte Zug verlässt den Bahnhof um 23:48 Uhr.\nDie Bahn wurde 1890 gebaut.\n"
        "Fahrkarten gibt es am Schalter.",
    ],
)
BEGINNINGS: Final[Rows] = (
    ["Once upon a time, in a village by the sea,"],
    ["Es war einmal eine Uhr, die"],
    ["def greatest_common_divisor(a, b):"],
)
GREETINGS: Final[Rows] = (
    ["Hello! What can you do?"],
    ["Schlage mir drei Namen für ein Café vor."],
    ["Explain tides to a child of six."],
)
TASKS: Final[Rows] = (
    ["Answer the question: what do bees make?"],
    ["Is this review good or bad? The soup was cold and the waiter was rude."],
    ["Write in the past tense: She walks to the market and buys pears."],
)
ARTICLES: Final[Rows] = (
    [
        "The town council agreed on Tuesday to turn the old tram depot into a market hall. "
        "Work is to begin in spring and to take eighteen months. Twelve stalls are reserved for "
        "farmers of the valley, who now sell from vans beside the main road. The depot has stood "
        "empty since the last tram ran in 1987. Neighbours had asked for a park instead; a strip "
        "of trees along the canal is to make up for that."
    ],
    [
        "Der Stadtrat hat beschlossen, das alte Straßenbahndepot in eine Markthalle umzubauen. "
        "Die Arbeiten beginnen im Frühjahr und dauern anderthalb Jahre. Zwölf Stände sind für "
        "Bauern aus dem Tal vorgesehen, die bisher an der Landstraße verkaufen. Das Depot steht "
        "leer, seit 1987 die letzte Bahn fuhr."
    ],
)
