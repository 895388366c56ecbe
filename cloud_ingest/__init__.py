"""The cloud: messages become stored facts, facts become rooftops, and rooftops become work for people."""
