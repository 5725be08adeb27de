"""Examples that mistral-common publishes in its documentation (docs/usage, docs/examples) and in the tests of its source
distribution, Apache-2.0. CONVERSATIONS have no published ids; IDS and INFILLS are as printed there."""

WEATHER = {"type": "function", "function": {
    "name": "get_current_weather", "description": "Get the current weather",
    "parameters": {"type": "object",
                   "properties": {"location": {"type": "string", "description": "The city and state, e.g. San Francisco, CA"},
                                  "format": {"type": "string", "enum": ["celsius", "fahrenheit"],
                                             "description": "The temperature unit to use. Infer this from the user's location."}},
                   "required": ["location", "format"]}}}
CALL = {"id": "VvvODy9mT", "type": "function",
        "function": {"name": "get_current_weather", "arguments": '{"location": "Paris, France", "format": "celsius"}'}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


CONVERSATIONS = [
    {"messages": [user("What's the weather like today in Paris")], "tools": [WEATHER]},  # usage/requests.md
    {"messages": [{"role": "system", "content": "You are a helpful assistant."}, user("What's the weather like in Paris?"),  # usage/tools.md
                  assistant(None, tool_calls=[CALL]),
                  {"role": "tool", "tool_call_id": "VvvODy9mT", "name": "get_current_weather", "content": "22"}], "tools": [WEATHER]},
    # examples/small_3.1_chat_completion.md, without the image: two users' messages in a row
    {"messages": [user("What is the capital of France?"), assistant("The capital of France is Paris."),
                  user([{"type": "text", "text": "Does this photo comes from there ?"}]),
                  user("Could you tell me what is the weather there ?")], "tools": [WEATHER]},
]

# (vocabulary, version, conversation, ids)
IDS = [
    ("tekken_240911.json", "v7", [user("Hello, how are you?")], [1, 3, 22177, 1044, 2606, 1584, 1636, 1063, 4]),  # usage/tokenizers.md
    ("tokenizer.model.v1", "v1", [{"role": "system", "content": "SYSTEM"}, user("a")],  # test_tokenize_v1.py
     [1, 733, 16289, 28793, 17121, 22526, 13, 13, 28708, 733, 28748, 16289, 28793]),
    ("mistral_instruct_tokenizer_241114.model.v7", "v7", [user("a"), assistant("b", prefix=True)], [1, 3, 1032, 4, 1055]),  # test_tokenizer_v7.py
]

# (prefix, suffix), of examples/codestral_fim.md, usage/requests.md and test_fim_tokenizer.py
INFILLS = [("def add(", "    return sum"), ("def hello_world():\n    print('Hello, world!')", "\n\nhello_world()"), ("def f(", "return a + b")]
