"""The two PyTorch classes whose files and logits ours must be, as the experiment's author wrote them, with these edits:
  1. `device='cuda'` is the inputs' device
  2. `resnet18(pretrained=True)` and `BertModel.from_pretrained(...)` are modules of a configuration, given as arguments
  3. the sizes 768, 512, 49 and the number of labels are arguments
Beside them: small encoders of a configuration, and the padded batch that the author's loader makes."""
import torch
import torch.nn as nn
import transformers
from torchvision.models import resnet

transformers.logging.set_verbosity_error()


class FusionModel(nn.Module):
    def __init__(self, text_encoder, image_encoder, num_labels, num_ftrs, hidden):  # edit 3: hidden
        super(FusionModel, self).__init__()
        self.text_encoder = text_encoder
        self.image_encoder = image_encoder
        self.classifier = nn.Linear(num_ftrs + hidden, num_labels)  # edit 3: 768

    def forward(self, images, input_ids, attention_mask):
        image_features = self.image_encoder(images)
        text_features = self.text_encoder(input_ids=input_ids, attention_mask=attention_mask).pooler_output
        combined_features = torch.cat((image_features, text_features), 1)
        logits = self.classifier(combined_features)
        return logits


def late(image_encoder, text_encoder, num_labels):
    """FusionModel as run_experiment builds it."""
    num_ftrs = image_encoder.fc.in_features
    image_encoder.fc = nn.Identity()
    return FusionModel(text_encoder, image_encoder, num_labels, num_ftrs, text_encoder.config.hidden_size)


class MultimodalTransformer(nn.Module):
    def __init__(self, resnet18, bert, num_labels, channels, positions):  # edits 2 and 3
        super(MultimodalTransformer, self).__init__()
        self.num_labels = num_labels  # edit 3: 2
        self.channels, self.positions, hidden = channels, positions, bert.config.hidden_size  # edit 3
        self.transformer = bert  # edit 2
        self.word_modality_embeddings = nn.Parameter(torch.zeros(hidden))
        self.image_encoder = nn.Sequential(*(list(resnet18.children())[:-2]))
        self.image_dim_augmentation = nn.Linear(channels, hidden)
        self.image_positional_embeddings = nn.Embedding(positions, hidden)
        self.image_modality_embeddings = nn.Parameter(torch.ones(hidden))
        self.classifier = nn.Linear(hidden, self.num_labels)
        for param in self.image_encoder.parameters():
            param.requires_grad = False

    def forward(self, input_ids, attention_mask, image, labels=None):
        device = input_ids.device  # edit 1
        word_position_ids = torch.arange(input_ids.size(1), device=device).unsqueeze(0).expand_as(input_ids)
        word_embeddings = self.transformer.embeddings.word_embeddings(input_ids)
        word_position_embeddings = self.transformer.embeddings.position_embeddings(word_position_ids)
        word_modality_embedding = self.word_modality_embeddings
        text_embedding = word_embeddings + word_position_embeddings + word_modality_embedding
        image_embedding = self.image_encoder(image)
        image_embedding = image_embedding.view(image_embedding.size(0), self.channels, -1)  # edit 3: 512
        image_embedding = image_embedding.permute(0, 2, 1)
        image_embedding = self.image_dim_augmentation(image_embedding)
        image_position_ids = torch.arange(self.positions, device=device).expand(image_embedding.size(0), -1)  # edits 1, 3
        image_positional_embeddings = self.image_positional_embeddings(image_position_ids)
        image_modality_embeddings = self.image_modality_embeddings
        image_embedding += image_positional_embeddings + image_modality_embeddings
        combined_embedding = torch.cat((image_embedding, text_embedding), dim=1)
        image_attention = torch.ones([attention_mask.size(0), image_embedding.size(1)], device=device)  # edit 1
        combined_attention_mask = torch.cat([image_attention, attention_mask], dim=1)
        encoder_outputs = self.transformer(inputs_embeds=combined_embedding, attention_mask=combined_attention_mask,
                                           return_dict=True)
        sequence_output = encoder_outputs.last_hidden_state
        pooled_output = sequence_output[:, 0, :]
        logits = self.classifier(pooled_output)
        if labels is not None:
            loss_fct = nn.CrossEntropyLoss()
            loss = loss_fct(logits, labels.view(-1))
            return {"loss": loss, "logits": logits}
        return {"logits": logits}


class NarrowResNet(resnet.ResNet):
    """torchvision's, one block a stage, with all its widths divided by `cut`."""

    def __init__(self, block, cut):
        self.cut = cut
        super().__init__(block, [1, 1, 1, 1])
        self.fc = nn.Linear(512 // cut * block.expansion, 10)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = 64 // self.cut
            self.conv1 = nn.Conv2d(3, self.inplanes, 7, 2, 3, bias=False)
            self.bn1 = nn.BatchNorm2d(self.inplanes)
        return super()._make_layer(block, planes // self.cut, blocks, stride, dilate)


def image_encoder(block, cut, batches=0):
    """With weights and statistics as a trained network's, and num_batches_tracked."""
    m = NarrowResNet(block, cut)
    for n in m.modules():
        if isinstance(n, nn.BatchNorm2d):
            n.weight.data.uniform_(0.4, 1.0)
            n.bias.data.normal_(0, 0.2)
            n.running_mean.normal_(0, 0.2)
            n.running_var.uniform_(0.5, 1.5)
            n.num_batches_tracked.fill_(batches)
    return m


def text_encoder(vocab, hidden, heads, layers, positions):
    """With weights large enough for attention and GELU to matter."""
    c = transformers.BertConfig(vocab_size=vocab, hidden_size=hidden, num_attention_heads=heads, num_hidden_layers=layers,
                                intermediate_size=2 * hidden, max_position_embeddings=positions)
    m = transformers.BertModel(c)
    for p in m.parameters():
        p.data.normal_(0, 0.2) if p.dim() > 1 else p.data.add_(torch.randn_like(p) * 0.1)
    return m


def randomize(early):
    """The parameters that start as constants."""
    early.word_modality_embeddings.data.normal_(0, 0.5)
    early.image_modality_embeddings.data.normal_(1, 0.5)
    return early


def normalized(pixels):
    mean, std = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    return (pixels / 255 - mean) / std


def padded(ids):
    n = max(map(len, ids))
    return (torch.tensor([i + [0] * (n - len(i)) for i in ids]), torch.tensor([[1] * len(i) + [0] * (n - len(i)) for i in ids]))


def logits(model, pixels, ids):
    """In float64 and eval mode: pixels u8 [n,3,h,w], a list of token ids a record."""
    import copy
    model = copy.deepcopy(model).double().eval()
    words, mask = padded(ids)
    x = normalized(pixels).double()
    with torch.no_grad():
        if isinstance(model, FusionModel):
            return model(x, words, mask)
        return model(words, mask.double(), x)["logits"]
